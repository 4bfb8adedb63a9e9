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
import { imageOf } from "../support/images";
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

/** Of two owners, which gives two lists from version 17 on; also empty ones, a large one, and one with the largest oid. */
const largeObjects = `
CREATE TABLE one AS SELECT 1 AS x;
SELECT lo_from_bytea(4711, ''), lo_from_bytea(4712, 'short'), lo_from_bytea(4294967295, 'last'), lo_from_bytea(3000000000, ''),
  lo_from_bytea(4713, (SELECT string_agg(sha256(g::text::bytea), '') FROM generate_series(1, 30000) g));
ALTER LARGE OBJECT 4712 OWNER TO pg_monitor; COMMENT ON LARGE OBJECT 4711 IS 'nothing';`;

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

  for (const [version, compression, suffix] of [
    ["17-3.5", "zstd:1", ".zst"],
    ["17-3.5", "none", ""],
    ["13-3.1", "0", ""],
  ] as const)
    it(`hold large objects, too, as pg_dump of ${version} with compression ${compression} gives them`, async () => {
      const own = version === "17-3.5" ? container : await startServer({ image: await imageOf(version) });
      try {
        const database = `large_${suffix === "" ? "plain" : "packed"}`;
        await sql(own, `CREATE DATABASE ${database}_source TEMPLATE template0`);
        await sql(own, largeObjects, `${database}_source`);
        const dump = ["pg_dump", "-U", "postgres", "-Fc", `--compress=${compression}`, `${database}_source`];
        const { stdout } = await execa("docker", ["exec", own, ...dump], { encoding: "buffer" });
        const whole = Buffer.from(stdout);
        const files = await filesOf(whole, 100_000, suffix);
        assert.equal([...files.keys()].filter((name) => /^blob_\d+\.dat/.test(name)).length, 5);
        assert.deepEqual(await filesOf(whole, 1013, suffix), files);
        const target = path.join(folder, `${database}_${version}`);
        await mkdir(target);
        for (const [name, content] of files) await writeFile(path.join(target, name), content);
        await restoreFolder(own, target, database);
        const content = `SELECT m.oid, lomowner::regrole, md5(lo_get(m.oid)), length(lo_get(m.oid)), obj_description(m.oid, 'pg_largeobject')
          FROM pg_largeobject_metadata m ORDER BY 1`;
        const expected = await sql(own, content, `${database}_source`);
        assert.match(expected, /^4711\|.*\|0\|nothing$[^]*^4294967295\|/m);
        assert.equal(await sql(own, content, database), expected);
      } finally {
        if (own !== container) await removeContainer(own);
      }
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
