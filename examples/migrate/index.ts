import * as pulumi from "@pulumi/pulumi";
import { Migration, OldSide, PostgisContainer } from "postgis-backup";

const config = new pulumi.Config();
const oldSide = config.get("oldSide", { allowedValues: Object.values(OldSide) }) ?? OldSide.Keep;

const server = new PostgisContainer("pg_17", {
  image: config.get("image"),
  containerName: config.get("containerName"),
  port: config.getNumber("port"), // the old container's
  password: config.requireSecret("password"), // and its
  standby: oldSide === OldSide.Keep, // beside the old container, until the migration gives it the port
});

const migration = new Migration("cbm", {
  from: { container: config.get("oldContainer") ?? "pg_spat" },
  to: server.connection,
  directory: "./backups",
  relations: ["roi*_signatures.pid -> parcel_set.ogc_fid", "roi*_signatures.obsid -> dias_catalogue.id"],
  oldSide, // the second step: pulumi config set oldSide remove && pulumi up
  triggers: [server.containerId],
});

export const location = migration.location;
export const removed = migration.removed;
