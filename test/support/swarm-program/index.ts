/** A database as a service, and an agent on every node. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { BackupAgent, type BackupAgentArgs } from "postgis-backup";

interface Declared {
  readonly database: docker.ServiceArgs;
  readonly agent: BackupAgentArgs;
}

const { database, agent } = new pulumi.Config().requireObject<Declared>("declared");
new docker.Service("database", database);
new BackupAgent("agent", agent);
