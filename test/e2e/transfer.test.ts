import assert from "node:assert/strict";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";

const source = `
CREATE SCHEMA "ES";
CREATE TABLE "ES"."Parcel Set" (ogc_fid serial PRIMARY KEY, crop text, wkb_geometry geometry(Polygon, 3035));
INSERT INTO "ES"."Parcel Set" (crop, wkb_geometry)
  SELECT 'crop ' || g, ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 2), 3035) FROM generate_series(1, 3000) g;
CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
INSERT INTO "roi2020_S2_signatures" SELECT g, g % 73, 'B0' || g % 7, sin(g) FROM generate_series(1, 50000) g;
CREATE INDEX ON "roi2020_S2_signatures" (pid);`;

const contents = ['"ES"."Parcel Set"', '"roi2020_S2_signatures"']
  .map(
    (name) =>
      `SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) FROM ${name} t;`,
  )
  .concat(
    "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('ES', 'public') AND tablename <> 'spatial_ref_sys' ORDER BY 1",
  )
  .join("\n");

/** Result of export or import. */
interface Result {
  readonly backupId: string;
  readonly location: string;
  readonly file: string;
  readonly files: number;
  readonly sizeBytes: number;
  readonly imported: boolean;
  readonly latest: boolean;
}

describe("a backup that is carried to another machine", function () {
  this.timeout(120_000);
  let here: string;
  let there: string;
  let container: string;
  let other: string;
  let original: string;
  let older: { id: string; location: string };
  let newer: { id: string; location: string };

  before(async () => {
    [here, there] = await Promise.all([temporaryFolder(), temporaryFolder()]);
    [container, other] = await Promise.all([startServer({ mount: here }), startServer({ mount: there })]);
    await sql(container, source);
    original = await sql(container, contents);
    const options = { container, repository: here, tables: ["ES.*", "roi*_signatures"] };
    const take = async () => {
      const { result } = await takeBackup(options);
      return { id: result.backupId, location: result.location };
    };
    older = await take();
    newer = await take();
  });
  after(async () => {
    await Promise.all([container, other].map(removeContainer));
    await Promise.all([here, there].map(removeFolder));
  });
  afterEach(() => removeFolder(path.join(there, "cbm")));

  const place = () => ["--repository", here, "--name", "cbm"];
  async function answer(...args: string[]): Promise<Result> {
    const { exitCode, stdout, stderr } = await runRunner([...args, "--json"]);
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as Result;
  }

  /** Brings a backup's folder, seen by the other machine's server, back with stock tools. */
  async function expectRestorable(folder: string): Promise<void> {
    await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: folder });
    await sql(other, "CREATE DATABASE restored TEMPLATE template0");
    try {
      await sql(other, await readFile(path.join(folder, "prepare.sql"), "utf8"), "restored");
      const inContainer = path.posix.join("/backups", path.relative(there, folder), "archive");
      const command = [
        "pg_restore",
        "--username=postgres",
        "--dbname=restored",
        "--exit-on-error",
        inContainer,
      ];
      await execa("docker", ["exec", other, ...command]);
      assert.equal(await sql(other, contents, "restored"), original);
    } finally {
      await sql(other, "DROP DATABASE restored");
    }
  }

  it("is there whole after export and import: the same files, the latest of its name, restorable, verified", async () => {
    const tar = path.join(here, "latest.tar");
    const exported = await answer("export", tar, ...place());
    assert.deepEqual([exported.backupId, exported.file], [newer.id, tar]);
    assert.equal((await stat(tar)).size, exported.sizeBytes);
    assert.equal((await stat(tar)).mode & 0o777, 0o600);

    const imported = await answer("import", tar, "--repository", there);
    const folder = path.join(there, "cbm", newer.id);
    assert.deepEqual(
      [imported.backupId, imported.location, imported.imported, imported.latest],
      [newer.id, folder, true, true],
    );
    assert.equal(imported.files, exported.files);
    await execa("diff", ["--recursive", "--brief", newer.location, folder]);
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(path.join(entry.parentPath, entry.name));
      assert.equal(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name);
    }
    assert.equal(await readlink(path.join(there, "cbm", "latest")), newer.id);
    const verified = await runRunner(["verify", "--repository", there, "--name", "cbm"]);
    assert.equal(verified.exitCode, 0, verified.stderr);
    await expectRestorable(folder);
  });

  it("goes through a pipe, one by its id too; an older one is not made the latest", async () => {
    const pipe = (...which: string[]) =>
      execa("node", [runnerMain, "export", ...which, ...place()], { encoding: "buffer" }).pipe("node", [
        runnerMain,
        "import",
        "-",
        "--repository",
        there,
        "--name",
        "cbm",
        "--file-mode",
        "0640",
        "--json",
      ]);
    assert.equal((JSON.parse((await pipe()).stdout) as Result).latest, true);
    const second = JSON.parse((await pipe(older.id, "-")).stdout) as Result;
    assert.deepEqual([second.backupId, second.imported, second.latest], [older.id, true, false]);
    assert.equal(await readlink(path.join(there, "cbm", "latest")), newer.id);
    const folder = path.join(there, "cbm", older.id);
    assert.equal((await stat(path.join(folder, "manifest.json"))).mode & 0o777, 0o640);
    await expectRestorable(folder);
    // Sent once more, as after a connection that was lost at the end: no error, for the sender neither.
    assert.equal((JSON.parse((await pipe(older.id)).stdout) as Result).imported, false);
  });

  it("is the same tar each time, and stock tar makes a restorable folder of it", async () => {
    const [one, two] = [path.join(here, "one.tar"), path.join(here, "two.tar")];
    await answer("export", older.id, one, ...place());
    const piped = await execa("bash", [
      "-c",
      `node ${runnerMain} export ${older.id} - "$@" > ${two}`,
      "bash",
      ...place(),
    ]);
    assert.match(piped.stderr, new RegExp(`Backup ${older.id} is exported`));
    await execa("cmp", [one, two]);
    const { stdout } = await execa("tar", ["-tf", one]);
    const listed = stdout.split("\n");
    assert.deepEqual(listed.slice(0, 2), [`cbm/${older.id}/manifest.json`, `cbm/${older.id}/SHA256SUMS`]);
    const files = (await readdir(older.location, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) =>
        path.join("cbm", older.id, path.relative(older.location, path.join(entry.parentPath, entry.name))),
      );
    assert.deepEqual(listed.toSorted(), files.toSorted());
    await execa("tar", ["-xf", one], { cwd: there });
    await expectRestorable(path.join(there, "cbm", older.id));
    const listing = await runRunner(["list", "--repository", there]);
    assert.match(listing.stdout, new RegExp(`^cbm +${older.id} .*latest$`, "m"));
  });

  it("says what is wrong with a file or an id that is not there", async () => {
    for (const [args, message] of [
      [
        ["export", "20200101T000000Z", "x.tar", ...place()],
        /^error\[backup-not-found\]: There is no backup "20200101T000000Z"/m,
      ],
      [
        ["export", "/nonexistent/x.tar", ...place()],
        /^error\[folder-not-writable\]: \/nonexistent\/x\.tar cannot be written/m,
      ],
      [
        ["import", "/nonexistent/x.tar", "--repository", there],
        /^error\[backup-not-found\]: There is no file \/nonexistent\/x\.tar/m,
      ],
      [["import", here, "--repository", there], /^error\[folder-not-readable\]: .*EISDIR/m],
    ] as const) {
      const { exitCode, stdout, stderr } = await runRunner(args);
      assert.deepEqual([exitCode, stdout], [1, ""]);
      assert.match(stderr, message);
    }
    assert.deepEqual(await readdir(there), []);
  });
});
