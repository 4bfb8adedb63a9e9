import * as pulumi from "@pulumi/pulumi";
import { BackupAgent, PostgisContainer } from "postgis-backup";

const config = new pulumi.Config();

const database = new PostgisContainer("pg_spat", {
  image: config.get("image"),
  containerName: config.get("containerName"),
  port: config.getNumber("port"),
  password: config.requireSecret("password"),
  initScripts: ["schema.sql"],
});

new BackupAgent("backup-agent", {
  image: config.require("agentImage"), // made by "docker build --file agent/Dockerfile ."
  agentName: config.get("agentName"),
  repository: "./backups",
  jobs: [
    {
      name: "cbm",
      source: { container: database.connection.container },
      tables: ["dias_catalogue", "roi*_signatures"],
      schedule: "30 2 * * *",
      timeZone: "Europe/Rome",
      restoreTest: "0 5 * * 0",
      retention: { keepDaily: 7 },
    },
  ],
});
