import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { docker, startServer } from "../support/container";
import { reseal } from "../support/damage";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused, remainsOf, restored } from "../support/restore-fixture";
import { runRunner } from "../support/runner";
import { throwaways } from "../support/throwaways";

const touch = "touch /tmp/pgb-hostile";

/** What is added to a script of a backup, whose checksums then fit. */
const hostile = {
  "a command of psql": (script: string) => `${script}\\! ${touch}\n`,
  "a command of psql outside of pg_dump's restriction": (script: string) =>
    `${script.replaceAll(/^\\(un)?restrict .*\n/gm, "")}SELECT 1 \\g |${touch}\n`,
  "rows from a program": (script: string) => `${script}COPY public.parent FROM PROGRAM '${touch}';\n`,
  "rows that end before they seem to": (script: string) =>
    `${script}CREATE TABLE public.odd (x text);\nCOPY public.odd (x) FROM stdin;\n\\.\r\n\\! ${touch}\n\\.\n`,
};

describe("a backup that somebody has changed so that its scripts run programs", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(
      container,
      `CREATE TYPE kind AS ENUM ('a'); CREATE TABLE parent (id int PRIMARY KEY, kind kind); INSERT INTO parent VALUES (1, 'a')`,
    );
    for (const [name, ...more] of [
      ["plain", "--format", "plain", "--compression", "none"],
      ["custom", "--format", "custom"],
    ] as const)
      await takeBackup({ container, repository, name, tables: ["parent"], more });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  async function forge(name: string, file: string, change: (script: string) => string): Promise<void> {
    const [id = ""] = await ids(name);
    const forged = path.join(repository, "forged");
    await rm(forged, { recursive: true, force: true });
    await cp(path.join(repository, name), forged, { recursive: true });
    const script = path.join(forged, id, file);
    await writeFile(script, change(await readFile(script, "utf8")));
    await reseal(path.join(forged, id), (manifest) => {
      manifest.name = "forged";
    });
  }
  async function ids(name: string): Promise<string[]> {
    const { stdout } = await execa("ls", [path.join(repository, name)]);
    return stdout.split("\n").filter((id) => /^\d{8}T/.test(id));
  }
  const verify = (...more: string[]) =>
    runRunner(["verify", "--repository", repository, "--name", "forged", ...more]);

  for (const [name, file, title, more] of [
    ["custom", "prepare.sql", "a command of psql", ["--dry-run"]],
    ["plain", "prepare.sql", "rows from a program", []],
    ["plain", "archive.sql", "a command of psql outside of pg_dump's restriction", ["--dry-run"]],
    ["plain", "archive.sql", "rows that end before they seem to", []],
  ] as const) {
    it(`is refused before any of it is run: ${title} in ${file} (${name}) ${more.join("")}`, async () => {
      await forge(name, file, hostile[title]);
      const { exitCode, stderr } = await verify();
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error\[script-unsafe\]: .*(prepare|archive)/m);
      await sql(container, "CREATE DATABASE hostile TEMPLATE template0");
      const into = { container, repository, name: "forged", database: "hostile", more };
      assert.match(await refused(into), /^error\[script-unsafe\]: /);
      assert.equal(
        await sql(container, "SELECT count(*) FROM pg_class WHERE relname IN ('parent', 'odd')", "hostile"),
        "0",
      );
      await sql(container, "DROP DATABASE hostile");
      assert.equal((await docker("exec", container, "ls", "/tmp/pgb-hostile")).code, 2);
      assert.deepEqual(await remainsOf(container, []), []);
      assert.deepEqual(await throwaways(repository), []);
    });
  }

  /** A psql that notes who runs it, and that is asked to run no commands; `help` is what it says of its commands. */
  async function notingPsql(help: string): Promise<() => Promise<string>> {
    const file = "/usr/local/bin/psql";
    const note = `case "$*" in *--help=commands*) ${help}; exit;; *--file=-*) echo "$(id -u)" >>/tmp/noted;; esac`;
    const script = `#!/bin/sh\nreal=$(ls /usr/lib/postgresql/*/bin/psql)\n${note}\nexec "$real" "$@"\n`;
    await execa("docker", ["exec", "-i", container, "sh", "-c", `cat > ${file} && chmod +x ${file}`], {
      input: script,
    });
    await docker("exec", container, "sh", "-c", ": >/tmp/noted; chmod 666 /tmp/noted");
    return async () => {
      const { output } = await docker("exec", container, "cat", "/tmp/noted");
      await docker("exec", container, "rm", file);
      return [...new Set(output.split("\n"))].join(" ");
    };
  }

  for (const [title, help] of [
    ["knows how to run none", 'exec "$real" "$@"'],
    ["is older", "echo no"],
  ] as const) {
    it(`or not: scripts are run by a user who owns nothing, by a psql that ${title}`, async () => {
      const noted = await notingPsql(help);
      await sql(container, "CREATE DATABASE whole TEMPLATE template0");
      for (const name of ["plain", "custom"]) {
        await restored({ container, repository, name, database: "whole", more: ["--if-exists", "replace"] });
        assert.equal(await sql(container, "SELECT * FROM parent", "whole"), "1|a");
      }
      await sql(container, "DROP DATABASE whole");
      assert.equal(await noted(), "65534");
    });
  }
});
