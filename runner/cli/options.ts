/** Options that several verbs have, and how options become requests and results become output. */
import { text } from "node:stream/consumers";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { z } from "zod";
import { Failure, Failures } from "../lib/failure";
import { nameArguments } from "../lib/setting";
import { S3Checksum } from "../request";
import { parseInWords } from "../request/problems";
import { flagOf, keyOf, optionOfKey, type Options, originOf } from "./keys";
import { processOutput } from "./output";

export function serverOptions(command: Command): Command {
  return command
    .option("--container <name>", "container that the server runs in (required)")
    .option("--user <role>", "database role (default: postgres)")
    .option("--database <name>", "database (default: postgres)")
    .option("--docker-host <url>", "Docker daemon, as in DOCKER_HOST");
}

/** `required` are those without which the verb does nothing. */
export function repositoryOptions(
  command: Command,
  ...required: readonly ("repository" | "name")[]
): Command {
  const mark = (option: "repository" | "name") => (required.includes(option) ? " (required)" : "");
  return command
    .option(
      "--repository <repository>",
      `folder that holds the backups, or s3://bucket/prefix${mark("repository")}`,
    )
    .option("--name <name>", `backup name, a folder in the repository${mark("name")}`)
    .option("--s3-endpoint <url>", "S3 server that is not AWS (default: AWS_ENDPOINT_URL_S3)")
    .option("--s3-region <region>", "region of the bucket (default: AWS_REGION)")
    .option("--s3-path-style", "name the bucket in the path of the URL instead of its host")
    .option(
      "--s3-timeout <seconds>",
      "how long the S3 server may be silent, before a request is sent again (default: 30)",
      toNumber,
    );
}

/** Options of verbs that send any content to S3, if it be the names of objects to remove. */
export function checksumOption(command: Command): Command {
  return command.addOption(
    new Option(
      "--s3-checksum <algorithm>",
      "checksum by which the S3 server compares what it gets (default: sha256)",
    ).choices(Object.values(S3Checksum)),
  );
}

/** Options of verbs that write objects which must not exist yet. */
export function objectOptions(command: Command): Command {
  return checksumOption(
    command.addOption(
      new Option(
        "--s3-conditional-writes <choice>",
        "false: look whether an object exists before it is written, for an S3 server that knows no conditions (default: true)",
      )
        .choices(["true", "false"])
        .argParser(toBoolean),
    ),
  );
}

/** Options of verbs that write backups. */
export function uploadOptions(command: Command): Command {
  return objectOptions(command)
    .option(
      "--s3-max-parts <n>",
      "parts that the S3 server takes for one object; fewer are larger, and need more memory (default: 10000)",
      toNumber,
    )
    .option("--upload-limit <bytes>", "bytes per second to send to S3 at most (default: no limit)", toNumber);
}

export function retentionOptions(command: Command): Command {
  return command
    .option("--keep-last <n>", "keep the n newest backups", toNumber)
    .option("--keep-daily <n>", "keep the newest of each of the last n days that have one, in UTC", toNumber)
    .option("--keep-weekly <n>", "the same for weeks, which begin on Monday", toNumber)
    .option("--keep-monthly <n>", "the same for months", toNumber)
    .option("--keep-yearly <n>", "the same for years", toNumber)
    .option(
      "--keep-within <duration>",
      "keep all that are at most this much older than the newest one, such as 30d or 36h",
    )
    .option(
      "--min-size-ratio <share>",
      "remove nothing if the newest backup is smaller than this share of the one before it, such as 0.5",
      toNumber,
    );
}

/** Ends the help of a verb. */
export function exampleOf(command: Command, example: string): Command {
  return command.addHelpText("after", `\nExample:\n  postgis-backup ${command.name()} ${example}`);
}

export function requestOption(): Option {
  return new Option("--request <file>", 'read all options as one JSON object; "-" is standard input').choices(
    ["-"],
  );
}

/** For an option whose value is a number. */
export function toNumber(value: string): number {
  const number = Number(value);
  if (value.trim() === "" || Number.isNaN(number)) throw new InvalidArgumentError("It must be a number.");
  return number;
}

/** For an option whose value is true or false. */
function toBoolean(value: string): boolean {
  if (value !== "true" && value !== "false") throw new InvalidArgumentError("It must be true or false.");
  return value === "true";
}

/** For an option that is repeated to give several values. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** Options about what is printed and how the run ends, and options that set others: they are no part of the request. */
const ofOutput: ReadonlySet<string> = new Set([
  "json",
  "quiet",
  "config",
  "dataOnly",
  "schemaOnly",
  "failOnAlarm",
]);

/** The request from standard input or from options. */
export async function readRequest<T>(schema: z.ZodType<T>, options: Options): Promise<T> {
  if (options["request"] !== undefined) nameArguments();
  const raw: unknown =
    options["request"] === undefined
      ? nested(Object.entries(options).filter(([option]) => !ofOutput.has(option)))
      : parseJson(await text(process.stdin));
  if (hasNul(raw))
    throw new Failure("usage", "The request contains a NUL character, which no name or path can have.");
  const parsed = parseInWords(schema, raw);
  if (parsed.problems === undefined) return parsed.data;
  if (options["request"] !== undefined) {
    const lines = parsed.problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new Failure("usage", lines.join("\n"));
  }
  throw new Failures(
    parsed.problems.map(({ path, message }) => new Failure("usage", `${givenAs(path, options)} ${message}`)),
  );
}

/** Properties of requests that are arguments on the command line, not options. */
const positional: ReadonlySet<string> = new Set(["backup", "location", "file"]);

/** Where the user wrote a property of the request, or would. */
function givenAs([property = "", ...inner]: readonly string[], options: Options): string {
  if (positional.has(property)) return property.toUpperCase();
  const option = optionOfKey([property, ...inner]);
  return originOf(options, option)?.name ?? flagOf(option);
}

/** Whether a text contains NUL, which the operating system refuses in paths and arguments. */
function hasNul(value: unknown): boolean {
  if (typeof value === "string") return value.includes("\0");
  return typeof value === "object" && value !== null && Object.entries(value).flat().some(hasNul);
}

function nested(options: readonly (readonly [option: string, value: unknown])[]): object {
  const request: Record<string, unknown> = {};
  for (const [option, value] of options) {
    const [property = "", name] = keyOf(option).split(".");
    request[property] = name === undefined ? value : { ...(request[property] as object), [name]: value };
  }
  return request;
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    throw new Failure("usage", "The request on standard input is not JSON.");
  }
}

/** A request that came as JSON is answered in JSON. */
export function answersInJson(options: Options): boolean {
  return options["json"] === true || options["request"] !== undefined;
}

/** Prints the result. `done` goes into the error if standard output cannot be written; it is the first line if not given. */
export function print(
  options: Options,
  result: object,
  lines: readonly string[],
  done = lines[0] ?? "",
): Promise<void> {
  const json = options["json"] === true ? `${JSON.stringify(result)}\n` : JSON.stringify(result);
  const text = answersInJson(options) ? json : `${lines.join("\n")}\n`;
  return processOutput.result(text, done.endsWith(".") ? done : `${done}.`);
}
