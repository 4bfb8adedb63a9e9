import assert from "node:assert/strict";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../runner/lib/failure";
import { countDataFiles } from "../../../runner/postgres/archive/data-files";
import { removeFolder, temporaryFolder } from "../../support/resources";

const end = "\\.\n\n\n";

/** Runs on this machine what is meant for a container. */
const localDocker = '#!/bin/sh\nwhile [ "$1" != here ]; do shift; done\nshift\nexec "$@"\n';

describe("the data files of an archive", () => {
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    await writeFile(path.join(folder, "docker"), localDocker);
    await chmod(path.join(folder, "docker"), 0o755);
  });
  after(() => removeFolder(folder));

  async function count(
    files: Record<string, string | Uint8Array>,
    programs = process.env["PATH"] ?? "",
    known?: ReadonlyMap<string, number>,
  ) {
    const archive = path.join(folder, "archive");
    await mkdir(archive);
    try {
      for (const [name, content] of Object.entries({ "toc.dat": "PGDMP", ...files }))
        await writeFile(path.join(archive, name), content);
      const docker = { env: { PATH: `${folder}:${programs}` } };
      const target = { docker, container: "here", env: { LC_ALL: "C" }, secretEnv: [] };
      const where = { path: archive, user: "0:0" };
      return await countDataFiles(target, where, 2, new AbortController().signal, known);
    } finally {
      await removeFolder(archive);
    }
  }

  const isUnreadable = (reason: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.code, "archive-incomplete");
    assert.match(error.message, reason);
    return true;
  };

  it("have their rows counted, be they large or small, empty or many", async () => {
    const rows = new Map([
      ["1", 200_000],
      ...Array.from({ length: 200 }, (_, n) => [`${n + 10}`, n] as const),
    ]);
    const row = `${"0123456789".repeat(5)}\\.\n`;
    const files = [...rows].map(([number, count]): [string, string] => [
      `${number}.dat`,
      row.repeat(count) + end,
    ]);
    const counted = await count(Object.fromEntries<string>(files));
    assert.deepEqual(Object.fromEntries(counted ?? []), Object.fromEntries(rows));
  });

  it("are not read where their rows are known", async () => {
    const known = new Map([["17.dat.gz", 4711]]);
    const files = { "7.dat.gz": gzipSync(`1\n${end}`), "17.dat.gz": "no gzip" };
    const counted = await count(files, process.env["PATH"], known);
    assert.deepEqual(Object.fromEntries(counted ?? []), { 7: 1, 17: 4711 });
  });

  it("are decompressed", async () => {
    const files = { "7.dat.gz": gzipSync(`1\n2\n${end}`), "8.dat.gz": gzipSync(end) };
    assert.deepEqual(Object.fromEntries((await count(files)) ?? []), { 7: 2, 8: 0 });
  });

  it("are not to be relied on when one was cut off, wherever", async () => {
    const whole = `1\n2\n${end}`;
    for (const length of [0, 2, 5, whole.length - 1])
      await assert.rejects(
        count({ "7.dat": whole, "8.dat": whole.slice(0, length) }),
        isUnreadable(/^The archive cannot be read to its end: .*8\.dat.* ends too early\.$/),
        `after ${length} bytes`,
      );
  });

  it("are not to be relied on when the decompressor finds fault with the end of one", async () => {
    const damaged = gzipSync(`1\n2\n${end}`);
    damaged.writeUInt32LE(0, damaged.length - 8);
    await assert.rejects(count({ "7.dat.gz": damaged }), isUnreadable(/7\.dat\.gz.*crc error/));
  });

  it("are left to pg_restore where a program is lacking", async () => {
    const programs = path.join(folder, "programs");
    await mkdir(programs);
    await symlink("/bin/sh", path.join(programs, "sh"));
    assert.equal(await count({ "7.dat": end }, programs), undefined);
  });
});
