import assert from "node:assert/strict";
import { type Command, CommanderError } from "commander";
import { program } from "../../../runner/cli/program";
import { failureOfUsage } from "../../../runner/cli/failures";
import { Failure } from "../../../runner/lib/failure";
import { BackupRequest, RestoreRequest } from "../../../runner/request";
import { parseInWords } from "../../../runner/request/problems";

/** The command line, whose actions never get far: what they are given is wrong. */
function commandLine(): { main: Command; said: string[] } {
  const said: string[] = [];
  const progress = { note: () => undefined, follow: () => () => undefined };
  const main = program(
    { progress, signal: new AbortController().signal },
    (text) => said.push(text),
    (text) => said.push(text),
  );
  return { main, said };
}

async function refusal(...args: string[]): Promise<string> {
  const { main, said } = commandLine();
  const error: unknown = await main.parseAsync(args, { from: "user" }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error.message;
  return (error instanceof CommanderError ? failureOfUsage(error)?.message : undefined) ?? said.join("");
}

describe("wrong usage", () => {
  const complete = ["backup", "--container", "c", "--table", "t", "--repository", "r", "--name", "n"];
  const inBucket = [...complete.slice(0, 5), "--repository", "s3://backups", "--name", "n"];
  const refusals: readonly (readonly [args: readonly string[], says: string | RegExp])[] = [
    [
      ["backup"],
      "--container is missing\n--repository is missing\n--name is missing\n--table must name at least one table",
    ],
    [["restore"], "--container is missing"],
    [["list"], "--repository is missing"],
    [["migrate", "--container", "c", "--repository", "r", "--name", "n"], "--to-container is missing"],
    [["keep", "--repository", "r", "--name", "n"], "BACKUP must be given"],
    [[...complete, "--jobs", "0"], "--jobs must be at least 1"],
    [[...complete, "--jobs", "1.5"], "--jobs must be a whole number"],
    [[...complete, "--jobs", "65"], "--jobs must be at most 64"],
    [[...complete, "--jobs", "two"], /option '--jobs <n>' argument 'two' is invalid. It must be a number\./],
    [[...complete, "--jobs", ""], /argument '' is invalid. It must be a number\./],
    [[...complete, "--database", ""], "--database must not be empty"],
    [[...complete, "--table", ""], "--table must not be empty"],
    [[...complete, "--accept", "views"], /^--accept must be large-objects, .* or extension-rows$/],
    [[...complete, "--logical-foreign-key", ""], "--logical-foreign-key must not be empty"],
    [[...complete, "--s3-timeout", "0"], "--s3-timeout must be more than 0"],
    [[...complete, "--keep-daily", "0"], "--keep-daily must be at least 1"],
    [
      [...complete, "--copy", "./myBackups", "--copy", "./myBackups"],
      "--copy names ./myBackups a second time",
    ],
    [[...complete, "--copy", "s3://B"], /^--copy "s3:\/\/B" is not a repository in S3/],
    [[...complete, "--full-every", "often"], /^--full-every must be a duration with its unit, such as/],
    [[...complete, "--full-every", "7"], /^--full-every must be a duration with its unit, such as/],
    [[...complete, "--full-every", "7d", "--format", "custom"], /^--full-every has no effect here: only/],
    [[...inBucket, "--full-every", "7d"], /^--full-every has no effect here: only archives in the directory/],
    [[...complete, "--taable", "t"], /unknown option '--taable'\n\(Did you mean --table\?\)/],
  ];
  for (const [args, says] of refusals)
    it(`is told in words of the command line: ${args.slice(args[0] === "backup" ? -2 : 0).join(" ")}`, async () => {
      const said = await refusal(...args);
      if (typeof says === "string") assert.equal(said, says);
      else assert.match(said, says);
    });

  it("is told of --full-every where that has no effect, unless --full says that it has none", async () => {
    // Another fault keeps them from taking a backup.
    const faulty = [...complete, "--jobs", "0"];
    const only = "--jobs must be at least 1";
    assert.equal(await refusal(...faulty, "--full"), only);
    assert.equal(await refusal(...inBucket, "--jobs", "0", "--full-every", "7d", "--full"), only);
    process.env["POSTGIS_BACKUP_FULL_EVERY"] = "often";
    try {
      assert.match(
        await refusal(...faulty),
        /^--jobs must be at least 1\nPOSTGIS_BACKUP_FULL_EVERY must be a duration/,
      );
    } finally {
      delete process.env["POSTGIS_BACKUP_FULL_EVERY"];
    }
  });

  const notShared = [
    "fullEvery: has no effect here: only archives in the directory format share rows with earlier ones, which must be named for a bucket, " +
      "and none that come from a work directory",
  ];
  const values = [
    [{ tables: "t" }, ["tables: must be a list"]],
    [{ tables: [] }, ["tables: must name at least one table"]],
    [{ dryRun: "yes" }, ["dryRun: must be true or false"]],
    [{ jobs: "2" }, ["jobs: must be a number"]],
    [{ user: 5 }, ["user: must be text"]],
    [{ s3: "x" }, ["s3: must be an object"]],
    [{ tabels: ["t"] }, ["tabels: is unknown. Did you mean tables?"]],
    [{ colour: "red" }, ["colour: is unknown."]],
    [{ verify: "twice" }, ["verify: must be none, archive or restore"]],
    [{ full: "yes" }, ["full: must be true or false"]],
    [{ full: true, fullEvery: "7d", format: "custom" }, []],
    [{ fullEvery: "7d", format: "custom" }, notShared],
    [{ fullEvery: "7d", format: "plain" }, notShared],
    [{ fullEvery: "7d", repository: "s3://backups" }, notShared],
    [{ fullEvery: "7d", repository: "s3://backups", workDirectory: "w", format: "directory" }, notShared],
    [{ fullEvery: "7d", repository: "s3://backups", format: "directory" }, []],
    [{ fullEvery: "7d", repository: "s3://backups", format: "custom" }, notShared],
    [{ fullEvery: "7d", format: "directory", copies: ["s3://backups"] }, []],
    [{ fullEvery: "7d" }, []],
  ] as const;
  const request = { container: "c", tables: ["t"], repository: "r", name: "n" };
  for (const [change, says] of values)
    it(`is told in words of the request: ${JSON.stringify(change)}`, () => {
      const { problems = [] } = parseInWords(BackupRequest, { ...request, ...change });
      assert.deepEqual(
        problems.map(({ path, message }) => `${path.join(".")}: ${message}`),
        says,
      );
    });

  it("leaves what is right as zod reads it", () => {
    const { data } = parseInWords(RestoreRequest, { container: "c", location: "r/n/latest" });
    assert.equal(data?.ifExists, "fail");
  });
});

describe("the help", () => {
  const verbs = () => {
    const { main } = commandLine();
    return main
      .createHelp()
      .visibleCommands(main)
      .filter((command) => command.name() !== "help");
  };

  it("lists the verbs that are for people", () => {
    assert.deepEqual(
      verbs().map((command) => command.name()),
      [
        "backup",
        "verify",
        "restore",
        "migrate",
        "remove-old",
        "list",
        "report",
        "status",
        "metrics",
        "agent",
        "prune",
        "keep",
        "export",
        "import",
        "completion",
      ],
    );
  });

  it("ends with an example of each verb, which has all that is required and only what exists", () => {
    for (const verb of verbs()) {
      let help = "";
      verb.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      const [, name, example = ""] =
        /\nExample:\n {2}postgis-backup (\S+) (.*)\n(?:\nAn option that is not given [^]*)?$/.exec(help) ??
        [];
      assert.equal(name, verb.name(), help);
      const flags = example.split(" ").filter((word) => word.startsWith("--"));
      const known = verb.options.map(({ long }) => long);
      assert.deepEqual(
        flags.filter((flag) => !known.includes(flag)),
        [],
        example,
      );
      const required = verb.options.filter(({ description }) => description.includes("(required)"));
      for (const { long } of required) assert.ok(flags.includes(String(long)), `${verb.name()}: ${long}`);
    }
  });

  it("gives the version", async () => {
    assert.match(await refusal("--version"), /^(\d+\.\d+\.\d+|not built)$/m);
  });
});
