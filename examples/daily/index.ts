import * as pulumi from "@pulumi/pulumi";
import { PostgisContainer, TableBackup } from "postgis-backup";

const config = new pulumi.Config();

const database = new PostgisContainer("pg_spat", {
  image: config.get("image"),
  containerName: config.get("containerName"),
  port: config.getNumber("port"),
  password: config.requireSecret("password"),
  backupDirectory: "./backups",
  initScripts: ["schema.sql"],
});

const backup = new TableBackup("cbm", {
  connection: database.connection, // or { container: "pg_spat" } for a container that runs already
  tables: ["dias_catalogue", "roi*_signatures"],
  repository: "./backups",
  every: "24h",
});

export const location = backup.location;
export const restore = backup.restoreCommand;
