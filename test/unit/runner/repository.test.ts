import assert from "node:assert/strict";
import { readdir, utimes } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Failure } from "../../../runner/lib/failure";
import {
  onceOnly,
  readWhole,
  checkFiles,
  readChecksums,
  recordOf,
} from "../../../runner/repository/checksums";
import { openRepository } from "../../../runner/repository/open";
import type { Repository } from "../../../runner/repository/repository";
import { TestBucket } from "../../support/bucket";
import { MemoryRepository } from "../../support/memory-repository";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { type S3Server, startS3Server } from "../../support/s3-server";
import type { Verification } from "../../../runner/repository/verification";
import { sampleManifest } from "../../support/sample-backups";

const [oldest, older, newest] = ["20251120T080000Z", "20251121T080000Z", "20251122T080000Z"] as const;
const { signal } = new AbortController();

interface Opened {
  readonly repository: Repository;
  /** The paths of all that is stored, complete or not. */
  entries(): Promise<string[]>;
  /** Makes all of it a day old and more. */
  age(): Promise<void>;
  close(): Promise<void>;
}

let server: S3Server;

const drivers: Readonly<Record<string, () => Promise<Opened>>> = {
  async folder() {
    const folder = await temporaryFolder();
    const entries = async () =>
      (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
        .sort();
    return {
      repository: openRepository({ repository: folder }),
      entries,
      age: () => Promise.resolve(),
      close: () => removeFolder(folder),
    };
  },
  async s3() {
    const bucket = await TestBucket.create(server);
    const { endpoint, region } = server;
    const s3 = { endpoint, region, forcePathStyle: true };
    const entries = async () => (await bucket.keys()).map((key) => key.replace(/^gis\//, "")).sort();
    return {
      repository: openRepository({ repository: bucket.url(), s3 }, signal),
      entries,
      async age() {
        const before = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
        for (const entry of await entries())
          await utimes(path.join(server.data, bucket.name, "gis", entry), before, before);
      },
      close: () => Promise.resolve(),
    };
  },
  memory() {
    const repository = new MemoryRepository();
    return Promise.resolve({
      repository,
      entries: () => Promise.resolve(repository.entries()),
      age: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  },
};

describe("a repository", () => {
  const before_ = process.env;
  before(async () => {
    server = await startS3Server();
    process.env = { ...before_, ...server.environment };
  });
  after(async () => {
    process.env = before_;
    await server.stop();
  });

  for (const [title, open] of Object.entries(drivers))
    describe(`of the driver ${title}`, () => {
      let opened: Opened;
      let repository: Repository;
      beforeEach(async () => {
        opened = await open();
        ({ repository } = opened);
      });
      afterEach(() => opened.close());

      const begin = (id: string, key?: string) =>
        repository.create({
          ...{ name: "cbm", id, mostBytes: 100, fileMode: 0o600 },
          ...(key === undefined ? {} : { key }),
        });
      const content = (text: string) => onceOnly(Buffer.from(text));
      const note = () => undefined;

      /** A backup with two files, up to the point where it is published. */
      async function written(id: string, newerThan?: string[], key?: string) {
        const writer = await begin(id, key);
        await writer.write("archive/1.dat", content("rows"));
        await writer.write("prepare.sql", content("-- nothing"));
        const files = await writer.checksums({ note });
        const manifest = { ...sampleManifest(id), files, ...(newerThan === undefined ? {} : { newerThan }) };
        return { writer, record: recordOf(manifest) };
      }
      async function publish(id: string, newerThan?: string[]) {
        const { writer, record } = await written(id, newerThan);
        return writer.publish(record, signal);
      }
      const listed = async () =>
        (await repository.backups("cbm")).map(({ id, latest, kept, problem }) => [id, latest, kept, problem]);

      it("has a backup when it is published, and not before", async () => {
        await repository.check("cbm");
        await repository.checkSpace("cbm", 100);
        const { writer, record } = await written(older);
        assert.equal(await writer.bytes(), 14);
        assert.deepEqual(String(await readWhole(writer.files.read("prepare.sql"))), "-- nothing");
        assert.deepEqual(await repository.backups("cbm"), []);
        const { location } = await writer.publish(record, signal);
        assert.deepEqual(await listed(), [[older, true, false, undefined]]);
        const [backup] = await repository.backups("cbm");
        assert.equal(backup?.location, location);
        assert.equal(repository.files("cbm", older).location, location);
        assert.deepEqual(backup.manifest, record.manifest);
        assert.deepEqual(await repository.names(), ["cbm"]);
        assert.deepEqual(await repository.backups("other"), []);
        assert.equal(await repository.isTaken("cbm", older), true);
        assert.equal(await repository.isTaken("cbm", newest), false);
      });

      it("gives what was written, and every file has its checksum", async () => {
        await publish(older);
        const files = repository.files("cbm", older);
        const manifest = await readChecksums(files);
        await checkFiles(files, manifest.files, signal);
        assert.equal(String(await readWhole(files.read("archive/1.dat"))), "rows");
        assert.deepEqual(
          manifest.files.map(({ path: file, bytes }) => [file, bytes]),
          [
            ["archive/1.dat", 4],
            ["prepare.sql", 10],
          ],
        );
        await assert.rejects(readWhole(files.read("missing")), { code: "checksum-mismatch" });
      });

      it("keeps nothing of a backup that is abandoned, and all of one that is published", async () => {
        await publish(oldest);
        const before = await opened.entries();
        const { writer } = await written(older);
        const error = new Error("why");
        assert.equal(await writer.abandon(error), error);
        assert.equal(await writer.abandon(error), error, "twice is once");
        assert.deepEqual(await opened.entries(), before);
        const second = await written(newest);
        await second.writer.publish(second.record, signal);
        assert.equal(await second.writer.abandon(error), error);
        assert.deepEqual(
          (await listed()).map(([id]) => id),
          [oldest, newest],
        );
      });

      it("has no backup that is interrupted before its name is given", async () => {
        await publish(oldest);
        const before = await opened.entries();
        const { writer, record } = await written(older);
        const reason = new Failure("interrupted", "by a test");
        await assert.rejects(writer.publish(record, AbortSignal.abort(reason)), reason);
        assert.equal(await writer.abandon(reason), reason);
        assert.deepEqual(await opened.entries(), before);
        assert.deepEqual(await listed(), [[oldest, true, false, undefined]]);
      });

      it("has the newest as the latest, whatever is brought in later and whatever clocks said", async () => {
        await publish(newest);
        await publish(oldest);
        assert.deepEqual(await listed(), [
          [oldest, false, false, undefined],
          [newest, true, false, undefined],
        ]);
        await publish(older, [newest]);
        assert.deepEqual(
          (await listed()).map(([id, latest]) => [id, latest]),
          [
            [oldest, false],
            [older, true],
            [newest, false],
          ],
        );
      });

      it("marks a backup and takes the mark away", async () => {
        await publish(older);
        for (const kept of [true, true, false, false]) {
          await repository.mark("cbm", older, kept);
          assert.deepEqual(await listed(), [[older, true, kept, undefined]]);
        }
      });

      const found = (level: "archive" | "restore", day: number, error?: string): Verification => ({
        recordVersion: 1,
        level,
        finishedAt: `2026-11-0${day}T08:00:00.000Z`,
        seconds: 1.5,
        ...(error === undefined ? {} : { error: { code: "checksum-mismatch", message: error } }),
      });

      it("keeps the last verification of each level, the newest last, and the backup's own files as they were", async () => {
        await publish(older);
        const files = repository.files("cbm", older);
        const before = String(await readWhole(files.read("manifest.json")));
        const recorded = async () =>
          (await repository.backups("cbm")).map(({ verifications }) => verifications);
        assert.deepEqual(await recorded(), [[]]);
        await repository.record("cbm", older, found("restore", 1));
        await repository.record("cbm", older, found("archive", 2));
        await repository.record("cbm", older, found("archive", 3, 'file "a" is\u001b damaged'));
        assert.deepEqual(await recorded(), [
          [found("restore", 1), found("archive", 3, 'file "a" is\u001b damaged')],
        ]);
        assert.equal(String(await readWhole(files.read("manifest.json"))), before);
        await checkFiles(files, (await readChecksums(files)).files, signal);
        assert.deepEqual(await listed(), [[older, true, false, undefined]]);
      });

      it("keeps one whole record of two verifiers at once", async () => {
        await publish(older);
        const [one, other] = [found("archive", 1), found("archive", 1, "x".repeat(10_000))];
        await Promise.all([one, other, one, other].map((each) => repository.record("cbm", older, each)));
        const [backup] = await repository.backups("cbm");
        assert.equal(backup?.verifications.length, 1);
        assert.ok([one, other].some((each) => isDeepStrictEqual(backup.verifications[0], each)));
        assert.deepEqual(
          (await opened.entries()).filter((entry) => /verification|partial/.test(entry)),
          [`cbm/${older}/verification-archive.json`],
        );
      });

      it("removes a backup that is not marked, all of it", async () => {
        await publish(older);
        await publish(newest);
        await repository.record("cbm", older, found("archive", 1));
        const whole = await opened.entries();
        await repository.mark("cbm", older, true);
        assert.deepEqual(await repository.remove("cbm", older), { id: older, left: 'it is marked "keep"' });
        await repository.mark("cbm", older, false);
        assert.deepEqual(await opened.entries(), whole);
        const bytes = (await repository.backups("cbm")).find(({ id }) => id === older)?.bytes;
        assert.deepEqual(await repository.remove("cbm", older), { id: older, bytes });
        assert.deepEqual(
          await repository.remove("cbm", older),
          { id: older, bytes: 0 },
          "it is gone already",
        );
        assert.deepEqual(await listed(), [[newest, true, false, undefined]]);
        assert.ok(!(await opened.entries()).some((entry) => entry.includes(older)));
      });

      it("never lists what a dead writer left, and is rid of it with the next", async () => {
        await written(oldest, undefined, "0123abcd");
        assert.deepEqual(await listed(), []);
        await opened.age();
        const { writer, record } = await written(older, undefined, "0123abcd");
        await writer.publish(record, signal);
        await repository.finishRemovals("cbm");
        assert.deepEqual(await listed(), [[older, true, false, undefined]]);
        assert.ok(!(await opened.entries()).some((entry) => entry.includes(oldest)));
      });

      it("takes one of two backups of the same name and second", async () => {
        const both = await Promise.allSettled(
          ["aaaaaaaa", "bbbbbbbb"].map(async (key) => {
            const { writer, record } = await written(older, undefined, key);
            return writer.publish(record, signal);
          }),
        );
        const refused = both.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
        for (const error of refused) assert.ok(error instanceof Failure && error.code === "backup-exists");
        const complete = await listed();
        if (refused.length < 2) assert.deepEqual(complete, [[older, true, false, undefined]]);
        else assert.deepEqual(complete, []);
      });

      it("takes no id twice", async () => {
        await publish(older);
        const before = await opened.entries();
        await assert.rejects(begin(older), { code: "backup-exists" });
        assert.deepEqual(await opened.entries(), before);
      });

      it("writes no file twice, and none under an odd name", async () => {
        const writer = await begin(older);
        await writer.write("a", content("1"));
        await assert.rejects(writer.write("a", content("2")));
        for (const odd of ["../a", "/a", ".a", "b/../../a", "a b", "b//c"])
          await assert.rejects(writer.write(odd, content("3")), /no file of a backup is called/, odd);
        assert.equal(String(await readWhole(writer.files.read("a"))), "1");
      });
    });
});
