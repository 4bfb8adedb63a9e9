import * as pulumi from "@pulumi/pulumi";
import { TableBackup } from "postgis-backup";

const backup = new TableBackup("cbm", {
  connection: { container: new pulumi.Config().get("containerName") ?? "pg_spat" },
  tables: ["dias_catalogue", "parcel_set", "roi*_signatures"],
  logicalForeignKeys: [
    "roi*_signatures.pid -> parcel_set.ogc_fid",
    "roi*_signatures.obsid -> dias_catalogue.id",
  ],
  repository: "./backups", // a folder here; the archive is streamed out of the container
});

export const location = backup.location;
export const restore = backup.restoreCommand;
