import assert from "node:assert/strict";
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseConfig, readConfig } from "../../../runner/cli/config-file";
import { flagOf, keyOf, type Options, optionOfKey, originOf, variableOf } from "../../../runner/cli/keys";
import { verbsOf } from "../../../runner/cli/completion";
import { program } from "../../../runner/cli/program";
import { completeOptions, settingsOf } from "../../../runner/cli/settings";
import { Failure } from "../../../runner/lib/failure";
import { removeFolder, temporaryFolder } from "../../support/resources";

const silent = { note: () => undefined, follow: () => () => undefined };

function commandLine() {
  const nothing = () => undefined;
  const main = program({ progress: silent, signal: new AbortController().signal }, nothing, nothing);
  const verbs = verbsOf(main).filter((verb) => !["remove-old", "completion"].includes(verb.name()));
  return { main, verbs };
}

describe("the names of an option", () => {
  for (const [option, key, flag, variable] of [
    ["repository", "repository", "--repository", "POSTGIS_BACKUP_REPOSITORY"],
    ["table", "tables", "--table", "POSTGIS_BACKUP_TABLE"],
    ["fullEvery", "fullEvery", "--full-every", "POSTGIS_BACKUP_FULL_EVERY"],
    ["s3PathStyle", "s3.forcePathStyle", "--s3-path-style", "POSTGIS_BACKUP_S3_PATH_STYLE"],
    [
      "s3ConditionalWrites",
      "s3.conditionalWrites",
      "--s3-conditional-writes",
      "POSTGIS_BACKUP_S3_CONDITIONAL_WRITES",
    ],
    ["keepDaily", "retention.keepDaily", "--keep-daily", "POSTGIS_BACKUP_KEEP_DAILY"],
  ] as const)
    it(`are one another's: ${option}`, () => {
      assert.deepEqual([keyOf(option), flagOf(option), variableOf(option)], [key, flag, variable]);
      assert.equal(optionOfKey(key.split(".")), option);
    });
});

describe("settings", () => {
  let folder: string;
  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => removeFolder(folder));

  /** The options of a run, without its action. */
  async function completed(args: readonly string[], env: Record<string, string> = {}, at = folder) {
    const { verbs } = commandLine();
    const verb = verbs.find((one) => one.name() === args[0]);
    assert.ok(verb !== undefined);
    const warnings: string[] = [];
    verb.action(() => undefined);
    verb.parseOptions(args.slice(1));
    const warn = (warning: string) => warnings.push(warning);
    await completeOptions(verb, verbs, { env, folder: at, warn });
    const options: Options = verb.opts();
    return { options, warnings };
  }

  async function projectFolder(name: string, content: string): Promise<string> {
    const project = path.join(folder, name);
    await mkdir(project, { recursive: true });
    await writeFile(path.join(project, "postgis-backup.yaml"), content);
    return project;
  }

  it("are these; what is decided for each run, or loses something, is none of them", () => {
    const { verbs } = commandLine();
    assert.deepEqual(settingsOf(verbs).sort(), [
      ...[
        "accept",
        "compression",
        "container",
        "copy",
        "database",
        "dockerHost",
        "excludeTable",
        "failOnAlarm",
        "fileMode",
      ],
      ...[
        "format",
        "fullEvery",
        "image",
        "jobs",
        "keepDaily",
        "keepLast",
        "keepMonthly",
        "keepWeekly",
        "keepWithin",
        "keepYearly",
      ],
      ...[
        "level",
        "lockTimeout",
        "logicalForeignKey",
        "maxAge",
        "maxOrphans",
        "minSizeRatio",
        "missingReferences",
        "name",
      ],
      ...["repository", "s3Checksum", "s3ConditionalWrites", "s3Endpoint", "s3MaxParts", "s3PathStyle"],
      ...["s3Region", "s3Timeout", "splitTablesFrom", "table"],
      ...["uploadLimit", "user", "verify", "workDirectory"],
    ]);
  });

  it("that are about tables do not count where the whole database is backed up", async () => {
    const project = await projectFolder(
      "all",
      "repository: ./b\ntables: [a]\nexcludeTables: [b]\nfullEvery: 7d\nmissingReferences: ignore\n",
    );
    const { options } = await completed(["backup", "--all"], {}, project);
    assert.deepEqual(Object.fromEntries(Object.entries(options)), {
      all: true,
      repository: path.join(project, "b"),
    });
  });

  it("are taken from the command line, then the environment, then the file", async () => {
    const project = await projectFolder(
      "order",
      "repository: ./from-file\nname: file\ntables: [a, b]\njobs: 2\nretention: { keepDaily: 7 }\ns3: { forcePathStyle: true }\n",
    );
    const below = path.join(project, "deep", "er");
    await mkdir(below, { recursive: true });
    const env = { POSTGIS_BACKUP_NAME: "env", POSTGIS_BACKUP_JOBS: "3", POSTGIS_BACKUP_KEEP_LAST: "" };
    const { options, warnings } = await completed(["backup", "--jobs", "4", "--table", "c"], env, below);
    assert.deepEqual(Object.fromEntries(Object.entries(options)), {
      repository: path.join(project, "from-file"),
      name: "env",
      jobs: 4,
      table: ["c"],
      keepDaily: 7,
      s3PathStyle: true,
    });
    const names = ["name", "keepDaily", "jobs"].map((option) => originOf(options, option)?.name);
    const file = path.join(project, "postgis-backup.yaml");
    assert.deepEqual(names, ["POSTGIS_BACKUP_NAME", `retention.keepDaily in ${file}`, undefined]);
    assert.deepEqual(warnings, []);
  });

  it("may say how long rows are shared, and not that all rows are dumped, which is for one run", async () => {
    const project = await projectFolder("shared", "fullEvery: 7d\n");
    assert.deepEqual((await completed(["backup"], {}, project)).options["fullEvery"], "7d");
    const { options } = await completed(["backup"], { POSTGIS_BACKUP_FULL_EVERY: "30d" }, project);
    assert.deepEqual(options["fullEvery"], "30d");
    await assert.rejects(completed(["backup"], {}, await projectFolder("full", "full: true\n")), {
      message: `${path.join(folder, "full", "postgis-backup.yaml")}: full is decided for each run: give --full on the command line.`,
    });
    const { warnings } = await completed(["backup"], { POSTGIS_BACKUP_FULL: "true" });
    assert.match(warnings.join(), /^The environment variable POSTGIS_BACKUP_FULL is unknown\./);
  });

  it("that a verb does not know are passed over; a restore is of all tables", async () => {
    const project = await projectFolder(
      "verbs",
      "name: cbm\ntables: [a]\nexcludeTables: [b]\nformat: directory\n",
    );
    assert.deepEqual(Object.keys((await completed(["restore"], {}, project)).options), ["name"]);
    assert.deepEqual(Object.keys((await completed(["list"], {}, project)).options), ["name"]);
    assert.deepEqual(Object.keys((await completed(["migrate"], {}, project)).options), ["name"]);
  });

  it("are none of the business of a request", async () => {
    const project = await projectFolder("request", "nonsense: true\n");
    const { options } = await completed(["backup", "--request", "-"], { POSTGIS_BACKUP_JOBS: "x" }, project);
    assert.deepEqual(options, { request: "-" });
  });

  it("that go with a repository do not count for another one", async () => {
    const project = await projectFolder(
      "copies",
      "repository: s3://backups\ncopies: [./copy]\nworkDirectory: ./work\n",
    );
    const own = (await completed(["backup"], {}, project)).options;
    assert.deepEqual([own["copy"], own["workDirectory"]], [[`${project}/copy`], `${project}/work`]);
    for (const [args, env] of [
      [["--repository", "./other"], {}],
      [[], { POSTGIS_BACKUP_REPOSITORY: "./other" }],
    ] as const) {
      const { options } = await completed(["backup", ...args], env, project);
      assert.deepEqual([options["copy"], options["workDirectory"]], [undefined, undefined]);
    }
  });

  it("of the environment are lists between commas, numbers and switches", async () => {
    const env = {
      POSTGIS_BACKUP_TABLE: "a, b*",
      POSTGIS_BACKUP_MAX_ORPHANS: "0",
      POSTGIS_BACKUP_S3_PATH_STYLE: "false",
      POSTGIS_BACKUP_S3_CONDITIONAL_WRITES: "false",
      POSTGIS_BACKUP_S3_CHECKSUM: "md5",
      POSTGIS_BACKUP_S3_MAX_PARTS: "1000",
    };
    const { options } = await completed(["backup"], env);
    assert.deepEqual(
      [options["table"], options["maxOrphans"], options["s3PathStyle"]],
      [["a", "b*"], 0, false],
    );
    assert.deepEqual(
      [options["s3ConditionalWrites"], options["s3Checksum"], options["s3MaxParts"]],
      [false, "md5", 1000],
    );
    assert.equal(originOf(options, "table")?.name, "POSTGIS_BACKUP_TABLE");
    const wrong = (name: string, value: string) => completed(["backup"], { [name]: value });
    await assert.rejects(wrong("POSTGIS_BACKUP_JOBS", "two"), {
      message: 'POSTGIS_BACKUP_JOBS: "two" is invalid. It must be a number.',
    });
    await assert.rejects(
      wrong("POSTGIS_BACKUP_FORMAT", "zip"),
      /POSTGIS_BACKUP_FORMAT: "zip" is invalid. Allowed choices/,
    );
    await assert.rejects(wrong("POSTGIS_BACKUP_S3_PATH_STYLE", "yes"), {
      message: "POSTGIS_BACKUP_S3_PATH_STYLE must be true or false.",
    });
    await assert.rejects(wrong("POSTGIS_BACKUP_S3_CONDITIONAL_WRITES", "no"), {
      message: 'POSTGIS_BACKUP_S3_CONDITIONAL_WRITES: "no" is invalid. It must be true or false.',
    });
  });

  it("of the environment that are misspelt are warned of", async () => {
    const { warnings } = await completed(["list"], {
      POSTGIS_BACKUP_REPOSITRY: "x",
      POSTGIS_BACKUP_CONTAINER: "c",
    });
    assert.deepEqual(warnings, [
      "The environment variable POSTGIS_BACKUP_REPOSITRY is unknown. Did you mean POSTGIS_BACKUP_REPOSITORY?",
    ]);
  });

  describe("in a file", () => {
    const silently = (warning: string) => {
      assert.equal(warning, "");
    };
    const known = {
      keys: ["repository", "tables", "retention.keepDaily"],
      elsewhere: new Map([["ifExists", "--if-exists"]]),
    };
    for (const [content, says] of [
      ["repositry: x", "/p/c.yaml: repositry is unknown. Did you mean repository?"],
      [
        "retention: { keepDayly: 1 }",
        "/p/c.yaml: retention.keepDayly is unknown. Did you mean retention.keepDaily?",
      ],
      ["password: x", /^\/p\/c\.yaml: password: a file is no place for a secret\. Set PGPASSWORD/],
      ["s3: { secretAccessKey: x }", /^\/p\/c\.yaml: s3 is unknown/],
      ["secretAccessKey: x", /no place for a secret/],
      [
        "ifExists: replace",
        "/p/c.yaml: ifExists is decided for each run: give --if-exists on the command line.",
      ],
      ["a: 1\nb: 2", "/p/c.yaml: a is unknown.\n/p/c.yaml: b is unknown."],
      ["- x", '/p/c.yaml must have settings, such as "repository: ./backups".'],
      ["a: [", /^\/p\/c\.yaml, line 2: unexpected end/],
      ["tables: 1\ntables: 2", /^\/p\/c\.yaml, line 2: duplicated mapping key/],
    ] as const)
      it(`are refused: ${content}`, () => {
        assert.throws(
          () => parseConfig(content, "/p/c.yaml", known),
          (error: Failure) => {
            if (typeof says === "string") assert.equal(error.message, says);
            else assert.match(error.message, says);
            return error.code === "usage";
          },
        );
      });

    it("may be none", () => {
      for (const content of ["", "# nothing\n"])
        assert.equal(parseConfig(content, "/p/c.yaml", known).size, 0);
    });

    it("are folders from the file on, unless they are in S3 or whole", () => {
      const folders = { keys: ["repository", "copies"], elsewhere: new Map<string, string>() };
      const of = (repository: string) =>
        parseConfig(`repository: ${repository}\ncopies: [../c, "s3://b/p"]`, "/p/q/c.yaml", folders);
      assert.equal(of("./backups").get("repository"), "/p/q/backups");
      assert.equal(of("/srv").get("repository"), "/srv");
      assert.equal(of("~/backups").get("repository"), path.join(os.homedir(), "backups"));
      assert.deepEqual(of("x").get("copies"), ["/p/c", "s3://b/p"]);
    });

    it("that is missing or that nobody can read is an error where it was named", async () => {
      await assert.rejects(
        readConfig("missing.yaml", folder, known, silently),
        /missing\.yaml cannot be read: ENOENT/,
      );
      assert.equal(await readConfig(undefined, folder, known, silently), undefined);
    });

    const asRoot = process.getuid?.() === 0 ? it : () => undefined;
    asRoot("of somebody else are not used unless it is named", async () => {
      const project = await projectFolder("others", "repository: /evil\n");
      const file = path.join(project, "postgis-backup.yaml");
      await chmod(file, 0o644);
      await chown(file, 12345, 12345);
      const warnings: string[] = [];
      const warn = (warning: string) => warnings.push(warning);
      assert.equal(await readConfig(undefined, project, known, warn), undefined);
      assert.deepEqual(warnings, [
        `${file} belongs to another user and is not used. Name it with --config ${file} if you trust it.`,
      ]);
      assert.equal((await readConfig(file, folder, known, silently))?.values.get("repository"), "/evil");
    });
  });
});
