import * as pulumi from "@pulumi/pulumi";
import { Migration, OldServer, PostgisContainer } from "postgis-backup";

const config = new pulumi.Config();
const oldServer = config.get("oldServer", { allowedValues: Object.values(OldServer) }) ?? OldServer.Keep;

const server = new PostgisContainer("pg_17", {
  image: config.get("image"),
  containerName: config.get("containerName"),
  port: config.getNumber("port"), // the old container's
  password: config.requireSecret("password"), // and its
  standby: oldServer === OldServer.Keep, // beside the old container, until the migration gives it the port
});

const migration = new Migration("cbm", {
  from: { container: config.get("oldContainer") ?? "pg_spat" },
  to: server.connection,
  repository: "./backups",
  logicalForeignKeys: [
    "roi*_signatures.pid -> parcel_set.ogc_fid",
    "roi*_signatures.obsid -> dias_catalogue.id",
  ],
  oldServer, // the second step: pulumi config set oldServer remove && pulumi up
  triggers: [server.containerId],
});

export const location = migration.location;
export const removed = migration.removed;
