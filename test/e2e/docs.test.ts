import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { root } from "../../setup/paths";
import { TestBucket } from "../support/bucket";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain } from "../support/runner";
import { type S3Server, startS3Server } from "../support/s3-server";

/** Commands of the pages that other tests run. */
const elsewhere = [
  { command: /^npm (pack|install)\b/, test: "test/e2e/package.test.ts" },
  { command: /^make (up|test)$/, test: "test/long/checkouts.test.ts" },
  { command: /^pulumi (config set|up)\b/, test: "test/e2e/stack.test.ts" },
  { command: /^docker (build|run) .*postgis-backup-agent/, test: "test/e2e/agent-image.test.ts" },
  { command: /^cd \/srv\/platform && pulumi up /, test: "test/e2e/stack.test.ts" },
];

const pages = [
  "README.md",
  "docs/quickstart-command-line.md",
  "docs/quickstart-pulumi.md",
  "docs/operations.md",
  "docs/report.md",
  "docs/s3.md",
  "docs/schedule.md",
];

const inBlock: Readonly<Record<string, RegExp>> = {
  console: /^\s*\$ (.*?)(?:\s+# .*)?$/,
  cron: /^(?:[\d*]+ ){4}[\d*]+ +(.*)$/,
  // systemd gives a program its arguments without a shell.
  ini: /^ExecStart=\/usr\/local\/bin\/(.*)$/,
};

/** The commands of a page, in their order: after a `$` of a console, in lines for cron, and in units of systemd. */
function commandsOf(page: string): string[] {
  const blocks = [...page.matchAll(/^ *```(console|cron|ini)\n([^]*?)^ *```$/gm)];
  return blocks.flatMap(([, kind, block = ""]) => {
    const lines = block.replaceAll(/\\\n\s*/g, "").split("\n");
    const command = inBlock[kind ?? ""] ?? /$^/;
    return lines.flatMap((line) => command.exec(line)?.[1] ?? []);
  });
}

describe("the commands of the documentation", function () {
  this.timeout(120_000);
  let folder: string;
  let s3: S3Server;
  let bucket: TestBucket;
  let source: string;
  let target: string;

  before(async () => {
    [folder, s3, source] = await Promise.all([temporaryFolder(), startS3Server(), startServer()]);
    bucket = await TestBucket.create(s3);
    await sql(
      source,
      `CREATE TABLE dias_catalogue (id serial PRIMARY KEY, reference varchar(120) UNIQUE);
       CREATE TABLE parcel_set (ogc_fid int PRIMARY KEY, wkb_geometry geometry(Polygon, 3035));
       CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
       INSERT INTO dias_catalogue (reference) VALUES ('S2A'), ('S2B');
       INSERT INTO parcel_set SELECT g, ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 2), 3035) FROM generate_series(1, 50) g;
       INSERT INTO "roi2020_S2_signatures" SELECT 1 + g % 50, 1 + g % 2, 'B02', 1 FROM generate_series(1, 500) g;`,
    );
    await sql(source, "CREATE DATABASE gis");
    await sql(source, "CREATE TABLE parcels AS SELECT 1 AS id", "gis");
    await mkdir(path.join(folder, "bin"));
    const program = path.join(folder, "bin", "postgis-backup");
    await writeFile(program, `#!/bin/sh\nexec node '${runnerMain}' "$@"\n`);
    await chmod(program, 0o755);
  });
  beforeEach(async () => {
    target = await startServer();
  });
  afterEach(() => removeContainer(target));
  after(async () => {
    await removeContainer(source);
    await s3.stop();
    await removeFolder(folder);
  });

  /** Runs a command with what is here in the place of what the pages name. */
  async function run(command: string, cwd: string): Promise<void> {
    const here = command
      .replaceAll("pg_spat", source)
      .replaceAll("pg_new", target)
      .replaceAll("s3://my-bucket/cbm/prod", bucket.url())
      .replace(/^cd \/srv\/platform && /, "")
      .replace("/etc/postgis-backup/", "");
    const withServer = here.includes("s3://") ? `${here} ${s3.options.join(" ")}` : here;
    const running = execa("bash", ["-euo", "pipefail", "-c", withServer], {
      cwd,
      env: { ...s3.environment, PATH: `${path.join(folder, "bin")}:${process.env["PATH"] ?? ""}` },
      reject: false,
    });
    // An agent runs until it is stopped, and then ends with 0.
    if (/^postgis-backup agent (?!.*--check)/.test(command))
      for await (const line of running.iterable({ from: "stderr" }))
        if (line.startsWith("The agent runs ")) running.kill("SIGTERM");
    const { exitCode, stderr } = await running;
    assert.equal(exitCode, 0, `${command}\n${stderr}`);
  }

  const first = "postgis-backup backup --container pg_spat --name cbm --table dias_catalogue --repository";

  for (const page of pages) {
    it(`work one after the other: ${page}`, async () => {
      const cwd = path.join(folder, path.basename(page));
      await mkdir(cwd);
      const text = await readFile(path.join(root, page), "utf8");
      const commands = commandsOf(text);
      const own = commands.filter((command) => !elsewhere.some((other) => other.command.test(command)));
      assert.ok(
        commands.length > 0 && own.every((command) => command.includes("postgis-backup ")),
        own.join("\n"),
      );
      if (/operations|report/.test(page)) await run(`${first} ./backups`, cwd);
      if (/s3|report/.test(page)) await run(`${first} s3://my-bucket/cbm/prod`, cwd);
      const file = /```yaml\n([^]*?)```/.exec(text)?.[1];
      if (file !== undefined)
        await writeFile(
          path.join(cwd, page.endsWith("schedule.md") ? "agent.yaml" : "postgis-backup.yaml"),
          file.replace("pg_spat", source).replace("127.0.0.1:9187", "127.0.0.1:0"),
        );
      for (const command of own) await run(command, cwd);
    });
  }

  it("are all in the pages above, or run by another test", async () => {
    const others = (await readdir(path.join(root, "docs")))
      .filter((file) => file.endsWith(".md") && !pages.includes(`docs/${file}`))
      // The first is written by "make bench", with the commands that it ran. test/unit/runner/usage.test.ts checks the second.
      .filter((file) => file !== "performance.md" && file !== "command-line.md");
    for (const file of others) {
      const commands = commandsOf(await readFile(path.join(root, "docs", file), "utf8"));
      assert.deepEqual(commands, [], file);
    }
  });
});
