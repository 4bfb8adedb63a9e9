import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const name = config.require("containerName");
const labels = Object.entries(config.requireObject<Record<string, string>>("labels")).map(
  ([label, value]) => ({
    label,
    value,
  }),
);

const preflight = new command.local.Command("preflight", { create: "true" });
const volume = new docker.Volume("data", { name: `${name}-data`, labels }, { dependsOn: preflight });
const container = new docker.Container("container", {
  name,
  labels,
  image: config.require("image"),
  command: ["sleep", "infinity"],
  mounts: [{ type: "volume", target: "/data", source: volume.name }],
});
const ready = new command.local.Command("ready", { create: "true", triggers: [container.id] });
const backup = new command.local.Command("backup", { create: "echo done", triggers: [ready.stdout] });

export const result = backup.stdout;
