import * as pulumi from "@pulumi/pulumi";
import { PostgisContainer, type PostgisContainerArgs, TableBackup, TableRestore } from "postgis-backup";

const config = new pulumi.Config();

const server = new PostgisContainer("server", {
  image: config.require("image"),
  containerName: config.require("containerName"),
  port: config.requireNumber("port"),
  password: config.requireSecret("password"),
  labels: config.requireObject<Record<string, string>>("labels"),
  initScripts: ["tables.sql"],
  settings: { shared_buffers: "16MB" },
  ...config.getObject<Partial<PostgisContainerArgs>>("server"),
});

const taken = new TableBackup("taken", {
  connection: server.connection,
  tables: ["parcels"],
  repository: "./backups",
  format: "custom",
});

if (config.getBoolean("restore") ?? true) {
  new TableRestore(
    "restored",
    {
      connection: server.connection,
      location: "./backups/taken/latest",
      schemas: { public: "restored" },
      ifExists: "replace",
      triggers: config.getObject<string[]>("triggers") ?? [],
    },
    { dependsOn: taken },
  );
}

export const backup = taken.backupId;
export const volume = server.volumeName;
