/** Archives of a real pg_dump, split into the files of a directory archive. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { execa } from "execa";
import { Failure } from "../../runner/lib/failure";
import { splitArchive } from "../../runner/postgres/archive/split-archive";
import { readToc } from "../../runner/postgres/archive/toc";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { contentOf, restoreFolder } from "../support/restored";

/** In chunks of so many bytes. */
function* inChunks(content: Buffer, bytes: number) {
  for (let start = 0; start < content.length; start += bytes) yield content.subarray(start, start + bytes);
}

async function filesOf(content: Buffer, chunkBytes: number, suffix: string) {
  const chunks = (async function* () {
    yield* await Promise.resolve(inChunks(content, chunkBytes));
  })();
  const files = new Map<string, Buffer>();
  for await (const { name, content: rows } of splitArchive(chunks, suffix))
    files.set(name, await buffer(rows));
  return files;
}

describe("the files of a custom archive", function () {
  this.timeout(180_000);
  const tables = ["empty", "small", "wide"];
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer();
    await sql(
      container,
      `CREATE TABLE empty (a int); CREATE TABLE small (id int PRIMARY KEY, t text); INSERT INTO small VALUES (1, E'\\\\.\\n\\\\.');
       CREATE TABLE wide AS SELECT g AS id, (SELECT string_agg(md5((g * i)::text), '') FROM generate_series(1, 700) i) AS noise FROM generate_series(1, 300) g;`,
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  async function archive(compression: string): Promise<Buffer> {
    const dump = ["pg_dump", "-U", "postgres", "-Fc", `--compress=${compression}`];
    const { stdout } = await execa(
      "docker",
      ["exec", container, ...dump, ...tables.flatMap((table) => ["-t", table])],
      {
        encoding: "buffer",
      },
    );
    return Buffer.from(stdout);
  }

  for (const [compression, suffix] of [
    ["zstd:1", ".zst"],
    ["none", ""],
  ] as const)
    it(`are those of a directory archive that stock pg_restore reads, compressed with ${compression}`, async () => {
      const whole = await archive(compression);
      assert.ok(whole.length > 3_000_000);
      const files = await filesOf(whole, 100_000, suffix);
      assert.equal(files.size, 1 + tables.length);
      for (const bytes of [1013, 1 << 22]) assert.deepEqual(await filesOf(whole, bytes, suffix), files);
      const target = path.join(folder, compression.replace(":", ""));
      await mkdir(target);
      for (const [name, content] of files) await writeFile(path.join(target, name), content);
      const database = `split_${compression.slice(0, 4)}`;
      await restoreFolder(container, target, database);
      for (const table of tables)
        assert.equal(await contentOf(container, table, database), await contentOf(container, table), table);
    });

  it("are not taken from an archive that was cut off, wherever", async () => {
    const whole = await archive("zstd:1");
    const lengths = Array.from({ length: 40 }, (_, part) => Math.floor((part * whole.length) / 40));
    for (const length of [...lengths, 1000, readToc(whole).bytes, whole.length - 1])
      await assert.rejects(
        filesOf(whole.subarray(0, length), 64_000, ".zst"),
        (error) => error instanceof Failure && error.code === "archive-incomplete",
        `after ${length} bytes`,
      );
  });
});
