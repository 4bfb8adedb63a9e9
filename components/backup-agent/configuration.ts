/** The agent's configuration, from the arguments, and what else the agent needs for it. */
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { AgentConfig, didYouMean, isS3Url } from "../../runner/request";
import { argumentsChecked, checkValue, isPlain, wrongArgument } from "../shared/check";
import { AgentMode, type BackupAgentArgs } from "./args";
import { secretFolder } from "./secret-files";

/** The port in the agent's container, which the health check of its image asks. */
export const internalPort = 9187;

export interface Configuration {
  /** A JSON text, which is YAML too. */
  readonly text: pulumi.Output<string>;
  /** Folders of the host that the agent needs, each once. */
  readonly folders: pulumi.Output<string[]>;
}

/** The arguments that are settings of the configuration, by the same names. */
const settings = [
  "repository",
  "s3",
  "retention",
  "timeZone",
  "jitter",
  "retry",
  "notify",
  "smtp",
  "atOnce",
  "jobs",
] as const;

/** Settings that are folders where they are no buckets. */
const folderSettings: ReadonlySet<string> = new Set(["repository", "copies", "workDirectory"]);

/** Checks all that is known at once, and the rest when it is. Nothing is declared from arguments that the agent would refuse. */
export function configurationOf(
  args: BackupAgentArgs,
  { mode, secrets }: { readonly mode: AgentMode; readonly secrets: readonly string[] },
  resource: pulumi.ComponentResource,
): Configuration {
  const given = Object.fromEntries(
    settings.flatMap((name) => (args[name] === undefined ? [] : [[name, args[name]]])),
  );
  // Metrics that nobody can reach are no risk; the health check needs them.
  const address = `${args.port === undefined ? "127.0.0.1" : "0.0.0.0"}:${internalPort}`;
  // The defaults are said, so that a program in a language that passes them on declares the same.
  const asked = { http: { address }, timeZone: "UTC", atOnce: 2, ...given };
  const check = (known: unknown) => {
    checkValue(AgentConfig, known, [], resource);
    checkSecrets(known, secrets, resource);
    if (mode === AgentMode.Swarm) checkForSwarm(known as Known, resource);
  };
  const early = withStandIns(asked);
  if (isPlain(early)) check(early);
  const complete = pulumi.all([pulumi.output(asked), isSecret(asked)]).apply(([known, secret]) => {
    if (secret)
      throw wrongArgument(
        "jobs: a secret is among the settings, and everyone who may inspect the container could read it. Put it in secrets, and name its file",
        resource,
      );
    check(known);
    return resolved(known) as Known;
  });
  return {
    text: pulumi
      .all([complete, argumentsChecked()])
      .apply(([known]) => `${JSON.stringify(known, null, 2)}\n`),
    folders: complete.apply((known) => [...new Set(foldersIn(known).map(({ text }) => text))].sort()),
  };
}

interface Known {
  readonly jobs: readonly {
    readonly source: { readonly container?: string; readonly dockerHost?: string };
  }[];
}

/** What the agent takes, and yet would be wrong on a swarm: each agent would back up the same, or find nothing. */
function checkForSwarm(known: Known, resource: pulumi.Resource): void {
  const problems = [
    ...known.jobs.flatMap(({ source }, index) => [
      ...(source.container === undefined
        ? []
        : [
            `jobs.${index}.source.container: has no meaning on a swarm: name the service, or a label of its containers`,
          ]),
      ...(source.dockerHost === undefined
        ? []
        : [`jobs.${index}.source.dockerHost: would make every agent of the swarm back up the same`]),
    ]),
    ...foldersIn(known)
      .filter(({ text }) => !path.isAbsolute(text))
      .map(({ place }) => `${place}: must be an absolute path, which is the same on every node of the swarm`),
  ];
  if (problems.length > 0) throw wrongArgument(problems.join("\n"), resource);
}

/** The agent would not start without them. */
function checkSecrets(known: unknown, secrets: readonly string[], resource: pulumi.Resource): void {
  const problems = textsIn(known).flatMap(({ text, place, key }) => {
    if (!key.endsWith("File") || path.posix.dirname(text) !== secretFolder) return [];
    const name = path.posix.basename(text);
    return secrets.includes(name)
      ? []
      : [`${place}: ${JSON.stringify(name)} is not in secrets.${didYouMean(name, secrets)}`];
  });
  if (problems.length > 0) throw wrongArgument(problems.join("\n"), resource);
}

/** Texts for settings that often come from resources and are not known yet, so that all others can be checked before. */
const standIns: Readonly<Record<string, string>> = {
  repository: "/pending",
  container: "pending",
  service: "pending",
  label: "pending",
};

function withStandIns(value: unknown, key = ""): unknown {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) return standIns[key] ?? value;
  if (Array.isArray(value)) return value.map((one) => withStandIns(one, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withStandIns(one, name)]));
}

function isSecret(value: unknown): Promise<boolean> {
  return pulumi.isSecret(pulumi.output(value));
}

/** Relative folders are meant from the program, as for the other components. What is not given is left out. */
function resolved(value: unknown, key = ""): unknown {
  if (typeof value === "string") return isFolder(key, value) ? path.resolve(value) : value;
  if (Array.isArray(value)) return value.map((one) => resolved(one, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]: [string, unknown]) =>
      one === undefined ? [] : [[name, resolved(one, name)]],
    ),
  );
}

/** The texts in a configuration, each with its place and the setting that it is, or is one of. */
function textsIn(
  value: unknown,
  places: readonly string[] = [],
): { text: string; place: string; key: string }[] {
  if (typeof value === "string") {
    const key = places.findLast((one) => !/^\d+$/.test(one)) ?? "";
    return [{ text: value, place: places.join("."), key }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => textsIn(one, [...places, name]));
}

const foldersIn = (value: unknown) => textsIn(value).filter(({ key, text }) => isFolder(key, text));

const isFolder = (key: string, text: string): boolean => folderSettings.has(key) && !isS3Url(text);
