/**
 * Random schemas, backed up and brought back by stock tools and by `restore`. What stock tools bring back, `restore`
 * brings back too, and the same. RANDOM_SCHEMAS=FIRST-LAST chooses the seeds.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { tryBackup } from "../support/backup";
import { startServer } from "../support/container";
import { randomSchema, randomSchemas } from "../support/random-schema";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { restoreArguments } from "../support/restore-fixture";
import { runRunner } from "../support/runner";

const [first = 1, last = first] = (process.env["RANDOM_SCHEMAS"] ?? "1-3").split("-").map(Number);

/** Share of statements that the server may refuse; with more, the schemas are poor. */
const mostRefused = 0.3;

/** Right answers where a backup of tables cannot bring what they need, and where others depend on what would be replaced. */
const notCarried = /^error\[(not-carried|reference-outside-selection)\]/m;
const notReplaced = /^error\[dependent-object\]/m;

describe("random schemas", function () {
  this.timeout(400_000);
  let container: string;
  let folder: string;
  const restored = { new: 0, swapped: 0 };

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  const inContainer = (command: readonly string[], input = "") =>
    execa("docker", ["exec", "-i", container, ...command], { input, reject: false, all: true });
  const connect = (database: string) => ["-h", "127.0.0.1", "-U", "postgres", "-d", database];
  const newDatabase = async (name: string) => {
    await sql(container, `DROP DATABASE IF EXISTS ${name} (FORCE)`);
    await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
    return name;
  };

  /** A backup of tables has no sequence that no table uses. */
  const dropUnused = (database: string) =>
    sql(
      container,
      `SET search_path = pg_catalog;
       SELECT format('DROP SEQUENCE %s', oid::regclass) FROM pg_class c WHERE relkind = 'S' AND NOT EXISTS (
         SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i', 'e')
         OR refclassid = 'pg_class'::regclass AND refobjid = c.oid AND deptype = 'n') \\gexec`,
      database,
    );

  /** Definitions of all tables and what belongs to them, and a digest of their rows; sorted, to be compared. */
  async function contentOf(database: string): Promise<string[]> {
    const selected = randomSchemas.map((schema) => `--table=${schema}.*`);
    const definitions = await inContainer(["pg_dump", ...connect(database), "--schema-only", ...selected]);
    assert.equal(definitions.exitCode, 0, definitions.all);
    const more = await sql(
      container,
      `SET search_path = pg_catalog; SET DateStyle = ISO;
       -- By their names, because what a child inherits comes first once it is restored.
       SELECT format('SELECT %L, count(*), sum(hashtextextended(ROW(%s)::text, 0)) FROM ONLY %s t', oid::regclass,
         (SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), oid::regclass)
       FROM pg_class c WHERE relkind = 'r' AND oid >= 16384 AND relname <> 'spatial_ref_sys' \\gexec
       SELECT pg_get_statisticsobjdef(oid), stxowner::regrole FROM pg_statistic_ext`,
      database,
    );
    const statements = definitions.stdout.replaceAll(/^(--.*|\\(un)?restrict .*|)\n/gm, "").split(";\n");
    return [...statements, ...more.split("\n")].sort();
  }

  /** Schemas, functions and types of the user's own with their owners, grants and comments. */
  const objectsOf = async (database: string) =>
    (
      await sql(
        container,
        `SET search_path = pg_catalog;
         SELECT pg_describe_object(class, id, 0), owner::regrole, acl, obj_description(id, class::regclass::name), definition
         FROM (SELECT 'pg_proc'::regclass AS class, oid AS id, proowner AS owner, proacl AS acl, md5(pg_get_functiondef(oid)) AS definition
               FROM pg_proc WHERE oid >= 16384 AND prokind = 'f'
               UNION ALL SELECT 'pg_type'::regclass, oid, typowner, typacl, typtype::text FROM pg_type WHERE oid >= 16384
               UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner, nspacl, '' FROM pg_namespace WHERE oid >= 16384) o
         WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.class AND e.objid = o.id AND e.deptype = 'e')`,
        database,
      )
    ).split("\n");

  /** All of the tables is there, and nothing that the source does not have. */
  async function expectSame(database: string, expected: readonly string[], objects: readonly string[]) {
    const found = await contentOf(database);
    const missing = expected.filter((line) => !found.includes(line));
    const more = [
      ...found.filter((line) => !expected.includes(line)),
      ...(await objectsOf(database)).filter((line) => !objects.includes(line)),
    ];
    assert.deepEqual({ missing, more }, { missing: [], more: [] }, database);
  }

  /** What RESTORE.md says, by hand; undefined if it went well. */
  async function restoreByHand(location: string, database: string): Promise<string | undefined> {
    const psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", ...connect(database)];
    const restore = ["pg_restore", "--exit-on-error", ...connect(database)];
    const archive = path.posix.join("/backups", path.relative(folder, location), "archive");
    const after = await readFile(path.join(location, "after-tables.sql"), "utf8").catch(() => undefined);
    const steps = [
      () => readFile(path.join(location, "prepare.sql"), "utf8").then((text) => inContainer(psql, text)),
      ...(after === undefined
        ? [() => inContainer([...restore, archive])]
        : [
            () => inContainer([...restore, "--section=pre-data", archive]),
            () => inContainer(psql, after),
            () => inContainer([...restore, "--section=data", "--section=post-data", archive]),
          ]),
    ];
    for (const step of steps) {
      const { exitCode, all } = await step();
      if (exitCode !== 0) return all;
    }
    return undefined;
  }

  for (let seed = first; seed <= last; seed++) {
    it(`seed ${seed} comes back`, async () => {
      const source = await newDatabase("source");
      const { statements } = randomSchema(seed);
      const made = await inContainer(
        ["psql", "-X", "-q", ...connect(source)],
        statements.map((text) => `${text};\n`).join(""),
      );
      await dropUnused(source);
      const refused = made.all.match(/ERROR:/g)?.length ?? 0;
      assert.ok(refused < statements.length * mostRefused, made.all);
      const expected = await contentOf(source);
      const objects = await objectsOf(source);

      const backup = await tryBackup({
        container,
        repository: folder,
        tables: ["*.*"],
        more: ["--database", source],
      });
      if (backup.exitCode !== 0) {
        const { error } = JSON.parse(backup.stdout) as { error: { code: string; message: string } };
        assert.match(`error[${error.code}]`, notCarried, error.message);
        return;
      }
      const { location } = JSON.parse(backup.stdout) as { location: string };

      const byHand = await restoreByHand(location, await newDatabase("by_hand"));
      if (byHand === undefined) await expectSame("by_hand", expected, objects);

      const target = await newDatabase("target");
      for (const more of [[], ["--if-exists", "swap"]]) {
        const restore = await runRunner(
          restoreArguments({ container, repository: folder, database: target, more }),
        );
        if (more.length > 0 && notReplaced.test(restore.stderr)) assert.equal(restore.exitCode, 1);
        else {
          assert.equal(restore.exitCode, 0, `${restore.stderr}\nby hand: ${byHand ?? "well"}`);
          restored[more.length === 0 ? "new" : "swapped"]++;
        }
        for (const schema of (
          await sql(container, "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%_before_%'", target)
        ).split("\n"))
          if (schema !== "") await sql(container, `DROP SCHEMA "${schema}" CASCADE`, target);
        await expectSame(target, expected, objects);
      }
    });
  }

  it("come back, most of them, and some in the place of what is there", () => {
    const all = last - first + 1;
    assert.ok(restored.new > all / 2, `${restored.new} of ${all} came back`);
    assert.ok(all < 3 || restored.swapped > 0, "None was swapped");
  });
});
