import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import { backupKey } from "../../../runner/backup/plan";
import { BackupRequest } from "../../../runner/request";
import { greaterThan, newestOf } from "../../../runner/repository/newest";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { sampleManifest, sampleStored } from "../../support/sample-backups";

describe("the key of a backup", () => {
  let folder: string;
  before(async () => {
    folder = await temporaryFolder();
    await mkdir(path.join(folder, "real"));
    await symlink("real", path.join(folder, "link"));
  });
  after(() => removeFolder(folder));

  const keyOf = (
    repository: string,
    more: { name?: string; containerId?: string; endpoint?: string; database?: string } = {},
  ) => {
    const { name = "cbm", containerId = "c0", database = "gis", endpoint } = more;
    const s3 = endpoint === undefined ? undefined : { endpoint };
    return backupKey({ containerId, database, repository, name, s3 });
  };

  it("is one, however its place is written", async () => {
    const key = await keyOf(path.join(folder, "real", "new"));
    const here = path.relative(process.cwd(), path.join(folder, "real", "new"));
    for (const repository of [`${folder}/link/new`, `${folder}/real/../link/./new/`, here])
      assert.equal(await keyOf(repository), key, repository);
    const bucket = await keyOf("s3://backups/gis", { endpoint: "http://S3.example:80" });
    assert.equal(await keyOf("s3://backups/gis/", { endpoint: "http://s3.example/" }), bucket);
  });

  it("is another for every other place, name, container, database or server", async () => {
    const keys = await Promise.all([
      keyOf(`${folder}/real`),
      keyOf(`${folder}/other`),
      keyOf(`${folder}/real`, { name: "other" }),
      keyOf(`${folder}/real`, { containerId: "c1" }),
      keyOf(`${folder}/real`, { database: "osm" }),
      keyOf("s3://backups/gis", { endpoint: "http://one" }),
      keyOf("s3://backups/gis", { endpoint: "http://two" }),
      keyOf("s3://backups/other", { endpoint: "http://one" }),
    ]);
    assert.equal(new Set(keys).size, keys.length);
  });
});

describe("the newest backup", () => {
  const [first, second, future] = ["20261121T080000Z", "20261122T080000Z", "20301122T080000Z"] as const;
  const named = (id: string, ...newerThan: string[]) =>
    sampleStored(id, { manifest: { ...sampleManifest(id), newerThan } });

  it("is the one with the greatest id, unless another one says that it is newer", () => {
    assert.equal(newestOf([named(first), named(second), named(future)])?.id, future);
    assert.equal(newestOf([named(first), named(second, future), named(future)])?.id, second);
    assert.equal(newestOf([named(first), named(second, future)])?.id, second);
  });

  it("is not one that was stored before the time of its id, where one came later", () => {
    const stored = new Map([
      [future, new Date("2026-11-21T09:00:00Z")],
      [second, new Date("2026-11-22T08:01:00Z")],
    ]);
    assert.equal(
      newestOf([named(second), named(future)], ({ id }) => stored.get(id as typeof future))?.id,
      second,
    );
  });

  it("is the one with the greater id of two that were stored at once, in whatever order they come", () => {
    const stored = () => new Date("2026-11-20T08:00:00Z");
    for (const backups of [
      [named(first), named(second)],
      [named(second), named(first)],
    ])
      assert.equal(newestOf(backups, stored)?.id, second);
  });

  it("is there, also where two say to be newer than each other", () => {
    assert.equal(newestOf([named(first, second), named(second, first)])?.id, second);
    assert.equal(newestOf([]), undefined);
  });

  it("is newer than those with greater ids, which it names", () => {
    assert.deepEqual(greaterThan(second, [first, second, future]), [future]);
  });

  it("is never a damaged one", () => {
    assert.equal(newestOf([named(first), sampleStored(second, { problem: "damaged" })])?.id, first);
  });
});

describe("a request", () => {
  const parse = (change: object) =>
    BackupRequest.safeParse({ container: "c", repository: "/b", name: "cbm", tables: ["t"], ...change });

  for (const [title, change, shown] of [
    ["a line break in the directory", { repository: "/new\nline" }, '"/new\\nline"'],
    ["an escape in the directory", { repository: "/a\u001b[31m" }, "\\u001b[31m"],
    ["what was no UTF-8", { repository: "/a\ufffd" }, "\\ufffd"],
    ["a line break in the container", { container: "a\nerror[x]: y" }, '"a\\nerror[x]: y"'],
  ] as const)
    it(`is refused, and the name shown so that it does no harm: ${title}`, () => {
      const message = parse(change).error?.issues[0]?.message ?? "";
      assert.ok(message.includes(shown), message);
      assert.doesNotMatch(message, /[\x00-\x1f\ufffd]/);
    });

  it("takes other odd characters", () => {
    for (const repository of ["/a b", "/ä,=\"'", "/$x;`", "/-x", "/日本"])
      assert.ok(parse({ repository }).success, repository);
  });
});
