import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Failure } from "../../../runner/lib/failure";
import { Manifest } from "../../../runner/repository/manifest";
import { type BackupFiles, checksumsBelow } from "../../../runner/repository/files";
import { onceOnly, checkFiles, readChecksums } from "../../../runner/repository/checksums";
import { filesIn } from "../../../runner/repository/folder/files";
import { cutEnd } from "../../support/damage";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { writeRecord } from "../../support/sealed";

const bare = {
  ...{ manifestVersion: 1, id: "20261122T081500Z", name: "cbm" },
  ...{ startedAt: "2026-11-22T08:15:00.000Z", finishedAt: "2026-11-22T08:15:00.000Z" },
  source: {
    ...{
      container: "c",
      containerId: "i",
      image: "m",
      imageDigest: "d",
      database: "b",
      serverVersion: "17.6",
    },
    ...{ encoding: "UTF8", lcCollate: "C", lcCtype: "C" },
  },
  ...{ pgDumpVersion: "17.6", snapshot: "s", format: "custom", compression: "none", jobs: 1 },
  ...{
    fingerprintMethod: "columns",
    tables: [],
    logicalForeignKeys: [],
    ignoredReferences: [],
    skipped: [],
    files: [],
  },
  requires: {
    ...{ schemas: [], extensions: [], types: [], functions: [], others: [] },
    ...{ sequences: [], roles: [], customSrids: [] },
  },
  verification: { level: "none", seconds: 0 },
};

describe("a sealed backup", () => {
  let folder: string;
  let manifest: Manifest;
  const none = new AbortController().signal;
  const file = (name: string) => path.join(folder, name);
  const check = async (files: BackupFiles = filesIn(folder)) => {
    await checkFiles(files, (await readChecksums(files)).files, none);
  };

  beforeEach(async () => {
    folder = await temporaryFolder();
    await writeFile(file("archive.dump"), "rows");
    await writeFile(file("prepare.sql"), "");
    manifest = Manifest.parse({ ...bare, files: await checksumsBelow(folder) });
    await writeRecord(folder, manifest);
  });
  afterEach(() => removeFolder(folder));

  it("passes its own check and that of sha256sum, every file but the checksums themselves included", async () => {
    assert.deepEqual(await readChecksums(filesIn(folder)), manifest);
    await check();
    const { stdout } = await execa("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: folder });
    assert.deepEqual(stdout.split("\n"), ["archive.dump: OK", "prepare.sql: OK", "manifest.json: OK"]);
  });

  it("may get further files", async () => {
    await writeFile(file("keep"), "");
    await check();
  });

  for (const name of ["manifest.json", "SHA256SUMS", "archive.dump"]) {
    it(`shows a flipped bit, whichever byte of ${name} it is in`, async () => {
      const contents = new Map<string, Buffer>();
      for (const stored of await readdir(folder)) contents.set(stored, await readFile(file(stored)));
      const original = contents.get(name) ?? Buffer.of();
      const read = (stored: string) => onceOnly(contents.get(stored) ?? Buffer.of());
      for (let position = 0; position < original.length; position++) {
        const damaged = Buffer.from(original);
        damaged[position] = (damaged[position] ?? 0) ^ 1;
        contents.set(name, damaged);
        await assert.rejects(check({ ...filesIn(folder), read }), (error) => {
          assert.ok(error instanceof Failure, String(error));
          assert.match(error.code, /^(checksum-mismatch|manifest-unreadable)$/);
          assert.ok(error.message.includes(name), `${position}: ${error.message}`);
          return true;
        });
      }
    });
  }

  for (const name of ["manifest.json", "SHA256SUMS", "archive.dump", "prepare.sql"]) {
    it(`misses ${name}`, async () => {
      await rm(file(name));
      await assert.rejects(check(), new RegExp(`${name} is missing`));
    });
  }

  it("names every file that is damaged, and how", async () => {
    await cutEnd(file("archive.dump"));
    await writeFile(file("prepare.sql"), "DROP TABLE x;");
    await assert.rejects(
      check(),
      /archive\.dump has 3 bytes instead of 4[^]*prepare\.sql is longer than 0 bytes/,
    );
  });

  it("is not called damaged because it cannot be read, or because somebody interrupts", async () => {
    const files = filesIn(folder);
    const { files: recorded } = await readChecksums(files);
    const denied = new Failure("folder-not-readable", "denied");
    const broken = new Error("a defect");
    for (const error of [denied, broken]) {
      // eslint-disable-next-line @typescript-eslint/require-await -- as from a disk that fails
      const read = async function* (): AsyncGenerator<Uint8Array, void> {
        throw error;
      };
      await assert.rejects(checkFiles({ ...files, read }, recorded, none), (found) => found === error);
      await assert.rejects(readChecksums({ ...files, read }), (found) => found === error);
    }
    await assert.rejects(checkFiles(files, recorded, AbortSignal.abort(denied)), (found) => found === denied);
  });

  it("has no manifest where that is missing, which is another failure than one of its files", async () => {
    await rm(file("manifest.json"));
    await assert.rejects(readChecksums(filesIn(folder)), {
      code: "manifest-unreadable",
      message: /is missing/,
    });
  });

  it("does not take a line more for the same checksums", async () => {
    await writeFile(file("SHA256SUMS"), `\n${await readFile(file("SHA256SUMS"), "utf8")}`);
    await assert.rejects(check(), /SHA256SUMS was changed after it was written/);
  });
});
