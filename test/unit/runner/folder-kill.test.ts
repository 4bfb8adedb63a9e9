import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import pMap from "p-map";
import { checkLatest, makeRoomForLatest } from "../../../runner/repository/folder/latest";
import { folderRepository } from "../../../runner/repository/folder/folder-repository";
import type { Manifest } from "../../../runner/repository/manifest";
import { type FsCall, watchFs } from "../../support/fs-calls";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { writeSealed } from "../../support/sealed";
import { sampleManifest, writeBackup } from "../../support/sample-backups";

type Folders = typeof import("../../../runner/repository/folder/folder-repository");
type Ids = typeof import("../../../runner/repository/backup-id");
type Checksums = typeof import("../../../runner/repository/checksums");

const [first, second, third] = ["20261121T080000Z", "20261122T080000Z", "20261123T080000Z"] as const;

const compiled = path.resolve("dist/runner");

/** Takes a backup by the compiled code. Other processes get it as text, so it refers to nothing around it. */
async function backUp(compiled: string, place: string, manifest: string, key: string): Promise<void> {
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { mkdir, writeFile } = require("node:fs/promises") as typeof import("node:fs/promises");
  const load = (file: string) => require(`${compiled}/repository/${file}.js`) as unknown;
  /* eslint-enable @typescript-eslint/no-require-imports */
  const { folderRepository } = load("folder/folder-repository") as Folders;
  const { claimId } = load("backup-id") as Ids;
  const { recordOf, onceOnly } = load("checksums") as Checksums;
  const { id, writer } = await claimId(async (id) => {
    const created = folderRepository(place).create({ name: "cbm", id, mostBytes: 1, fileMode: 0o600, key });
    const writer = await created.catch((error: unknown) => {
      if ((error as { code?: string }).code !== "backup-exists") throw error;
      return undefined;
    });
    return writer && { id, writer };
  });
  await writer.write("prepare.sql", onceOnly(Buffer.from("-- nothing")));
  // As pg_dump writes it.
  await mkdir(`${writer.files.folder ?? ""}/archive`);
  await writeFile(`${writer.files.folder ?? ""}/archive/0.dat`, "rows");
  const files = await writer.checksums({ note: () => undefined });
  const taken = { ...(JSON.parse(manifest) as Manifest), id, files };
  await writer.publish(recordOf(taken), new AbortController().signal);
}

/** What a run does to a folder, by the compiled code. */
const works = {
  backup: `(${backUp.toString()})(process.env.DIST, process.env.PLACE, process.env.MANIFEST, "0123abcd")
    .catch((error) => { console.error(error); process.exitCode = 1; });`,
  import: `
    const { folderRepository } = require(process.env.DIST + "/repository/folder/folder-repository.js");
    const { filesIn } = require(process.env.DIST + "/repository/folder/files.js");
    const { parseRecord } = require(process.env.DIST + "/repository/checksums.js");
    const { readWhole } = require(process.env.DIST + "/repository/checksums.js");
    (async () => {
      const from = filesIn(process.env.FROM);
      const whole = (file) => readWhole(from.read(file));
      const record = parseRecord(await whole("manifest.json"), await whole("SHA256SUMS"), "");
      const { name, id, files } = record.manifest;
      const writer = await folderRepository(process.env.PLACE).create({ name, id, mostBytes: 1, fileMode: 0o600 });
      for (const file of files) await writer.write(file.path, from.read(file.path), file);
      await writer.publish(record, new AbortController().signal);
    })().catch((error) => { console.error(error); process.exitCode = 1; });`,
  export: `
    const { exportBackup } = require(process.env.DIST + "/transfer/export.js");
    const { progressOn, quietDisplay } = require(process.env.DIST + "/lib/progress.js");
    const request = { location: process.env.FROM, file: process.env.PLACE + "/cbm.tar" };
    exportBackup(request, process.stdout, progressOn(quietDisplay(() => undefined)), new AbortController().signal)
      .catch((error) => { console.error(error); process.exitCode = 1; });`,
  prune: `
    const { folderRepository } = require(process.env.DIST + "/repository/folder/folder-repository.js");
    folderRepository(process.env.PLACE).remove("cbm", "${first}").catch((error) => { console.error(error); process.exitCode = 1; });`,
  keep: `
    const { folderRepository } = require(process.env.DIST + "/repository/folder/folder-repository.js");
    folderRepository(process.env.PLACE).mark("cbm", "${second}", true).catch((error) => { console.error(error); process.exitCode = 1; });`,
};

describe("a folder of backups whose run", function () {
  this.timeout(600_000);
  let folder: string;
  let environment: Record<string, string>;

  before(async () => {
    folder = await temporaryFolder();
    const from = await writeSealed(path.join(folder, "from"), third, {
      files: { "archive/1.dat": Buffer.from("x"), "prepare.sql": Buffer.from("") },
    });
    environment = {
      MANIFEST: JSON.stringify(sampleManifest(first)),
      FROM: from,
    };
  });
  after(() => removeFolder(folder));

  /** Two complete backups, and the link to the newer. */
  async function prepare(name: string): Promise<string> {
    const place = path.join(folder, name);
    for (const id of [first, second]) await writeBackup(place, id);
    await symlink(second, path.join(place, "cbm", "latest"));
    return place;
  }

  const run = (work: keyof typeof works, place: string, killAt = 0) =>
    watchFs(works[work], { ...environment, PLACE: place }, killAt);

  for (const work of ["backup", "import", "prune", "keep"] as const)
    it(`is killed at any step of ${work} leaves what the next run clears up, and never half a backup`, async () => {
      const all = await run(work, await prepare(`${work}-all`));
      const steps = all?.length ?? 0;
      assert.ok(steps > 0, work);
      await pMap(
        Array.from({ length: steps }, (_, index) => index + 1),
        async (killAt) => {
          const place = await prepare(`${work}-${killAt}`);
          const about = `${work}, killed at ${killAt}: ${JSON.stringify(all?.[killAt - 1])}`;
          const ended = await run(work, place, killAt);
          // Calls that run at once come in another order now and then.
          assert.ok(ended === undefined || killAt > steps - 3, about);
          const after = await folderRepository(place).backups("cbm");
          for (const { id, problem } of after) assert.equal(problem, undefined, `${about}: ${id}`);
          if (work !== "prune")
            assert.ok(
              after.some(({ id }) => id === first),
              about,
            );
          // Of another container, for example: it has no lock that tells that the first is dead.
          await backUp(compiled, place, environment["MANIFEST"] ?? "", "ba987654");
          const entries = await readdir(path.join(place, "cbm"));
          assert.deepEqual(
            entries.filter((name) => name.startsWith(".")),
            [],
            about,
          );
          const last = await folderRepository(place).backups("cbm");
          const newest = last.at(-1)?.id ?? "";
          assert.equal(await readlink(path.join(place, "cbm", "latest")), newest, about);
          for (const { id, problem } of last) {
            assert.equal(problem, undefined, `${about}: ${id}`);
            assert.ok(!existsSync(path.join(place, "cbm", id, ".run")), `${about}: ${id}/.run`);
          }
          await removeFolder(place);
        },
        { concurrency: 4 },
      );
    });

  for (const work of ["backup", "import"] as const)
    it(`publishes (${work}) only what is on disk, file by file, and makes its name durable after that`, async () => {
      const calls = (await run(work, await prepare(`${work}-durable`))) ?? assert.fail();
      const isFinal = ({ call, to = "" }: FsCall) => call === "rename" && /\/cbm\/\d{8}T\d{6}Z$/.test(to);
      const published = calls.findIndex(isFinal);
      assert.ok(published > 0, JSON.stringify(calls));
      const hidden = calls[published]?.file ?? "";
      const nameFolder = path.dirname(hidden);
      const before = calls.slice(0, published);
      const files = new Set(
        before
          .filter(({ call, file }) => call === "open" && file.startsWith(`${hidden}/`))
          .map(({ file }) => file),
      );
      files.delete(`${hidden}/.run`);
      const folders = new Set([hidden, `${hidden}/archive`]);
      assert.ok(
        [...files].some((file) => file.endsWith("manifest.json")),
        [...files].join(),
      );
      for (const file of [...files, ...folders]) {
        const synced = before.findLastIndex((it) => it.call === "fsync" && it.file === file);
        const wrote = before.findLastIndex((it) => it.call === "write" && it.file === file);
        assert.ok(synced >= 0 && synced > wrote, `${file} is not forced to disk before it is published`);
      }
      const linked = calls.findIndex(
        ({ call, to = "" }) => call === "rename" && to === path.join(nameFolder, "latest"),
      );
      assert.ok(linked > published, "the link comes after the backup");
      const last = calls.findLastIndex((it) => it.call === "fsync" && it.file === nameFolder);
      assert.ok(last > linked, "the folder of the backup name is forced to disk last");
      assert.ok(
        !calls.some(
          ({ call, file }) => /unlink|rmdir/.test(call) && file === path.join(nameFolder, "latest"),
        ),
        "latest is never missing",
      );
    });

  it("is written as an exported tar only under a hidden name, until it is on disk", async () => {
    const place = await prepare("export-durable");
    const calls = (await run("export", place)) ?? assert.fail();
    const isFinal = ({ call, to }: FsCall) => call === "rename" && to === path.join(place, "cbm.tar");
    const published = calls.findIndex(isFinal);
    const hidden = calls[published]?.file;
    const last = (wanted: string, file: string | undefined) =>
      calls.findLastIndex((it) => it.call === wanted && it.file === file);
    assert.ok(last("write", hidden) >= 0, JSON.stringify(calls));
    assert.ok(last("fsync", hidden) > last("write", hidden));
    assert.ok(published > last("fsync", hidden));
    assert.ok(last("fsync", place) > published, "its name is forced to disk last");
  });

  it("is at work never shows a folder without `latest`", async () => {
    const place = await prepare("atomic");
    const link = path.join(place, "cbm", "latest");
    const { signal, abort } = ((it) => ({
      signal: it.signal,
      abort: () => {
        it.abort();
      },
    }))(new AbortController());
    const looking = (async () => {
      let looks = 0;
      while (!signal.aborted) {
        assert.match(await readlink(link), /^\d{8}T\d{6}Z$/);
        looks++;
      }
      return looks;
    })();
    for (let round = 0; round < 2; round++) await run("backup", place);
    abort();
    assert.ok((await looking) > 100);
  });
});

describe("a folder in the place of `latest`", () => {
  let repository: string;
  let nameFolder: string;
  const latest = () => path.join(nameFolder, "latest");

  beforeEach(async () => {
    repository = await temporaryFolder();
    nameFolder = path.join(repository, "cbm");
    await writeSealed(repository, first);
    await writeSealed(repository, second);
  });
  afterEach(() => removeFolder(repository));

  const statusOf = async () =>
    (await folderRepository(repository).backups("cbm")).map((backup) => [
      backup.id,
      backup.latest,
      backup.problem,
    ]);

  it("is moved aside, and said to be, where it is a copy of a backup that is there", async () => {
    await cp(path.join(nameFolder, second), latest(), { recursive: true });
    await checkLatest(nameFolder);
    assert.deepEqual(await statusOf(), [
      [first, false, undefined],
      [second, true, undefined],
    ]);
    const [note] = await makeRoomForLatest(nameFolder);
    assert.match(
      note ?? "",
      /latest was a folder instead of a link: a copy of backup 20261122T080000Z\. It was moved to \S+latest\.copy\./,
    );
    assert.ok(existsSync(path.join(nameFolder, "latest.copy", "manifest.json")));
    assert.ok(!existsSync(latest()));
  });

  it("becomes the backup that it is, where there is no other copy of that", async () => {
    await rename(path.join(nameFolder, second), latest());
    const [note] = await makeRoomForLatest(nameFolder);
    assert.match(note ?? "", /and the only copy of backup 20261122T080000Z/);
    assert.deepEqual(await statusOf(), [
      [first, false, undefined],
      [second, true, undefined],
    ]);
  });

  it("goes where it is empty", async () => {
    await mkdir(latest());
    assert.deepEqual(await makeRoomForLatest(nameFolder), []);
    assert.ok(!existsSync(latest()));
  });

  for (const [title, make] of [
    [
      "is somebody's own",
      async () => {
        await mkdir(latest());
        await writeFile(path.join(latest(), "notes"), "mine");
      },
    ],
    ["is a file", () => writeFile(latest(), "mine")],
    [
      "is not quite a copy",
      async () => {
        await cp(path.join(nameFolder, second), latest(), { recursive: true });
        await rm(path.join(latest(), "RESTORE.md"));
      },
    ],
    [
      "is a copy again",
      async () => {
        await cp(path.join(nameFolder, second), latest(), { recursive: true });
        await mkdir(path.join(nameFolder, "latest.copy"));
      },
    ],
  ] as const)
    it(`is an error before anything is done where it ${title}`, async () => {
      await make();
      const before = await readdir(nameFolder, { recursive: true });
      const wanted = {
        code: "folder-not-writable",
        message: /latest should be the link to the newest backup, but .*Move it elsewhere/,
      };
      await assert.rejects(checkLatest(nameFolder), wanted);
      await assert.rejects(makeRoomForLatest(nameFolder), wanted);
      assert.deepEqual(await readdir(nameFolder, { recursive: true }), before);
    });
});
