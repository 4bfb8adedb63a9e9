import assert from "node:assert/strict";
import { namedBackup } from "../../../runner/cli/backup-argument";

const id = "20261122T081500Z";

describe("the argument that names a backup", () => {
  for (const [given, expected] of [
    [undefined, {}],
    [id, { backup: id }],
    ["latest", { backup: "latest" }],
    [`s3://bucket/cbm/${id}`, { directory: "s3://bucket", name: "cbm", backup: id }],
    ["s3://bucket/a/b/cbm/latest", { directory: "s3://bucket/a/b", name: "cbm", backup: "latest" }],
    [`/srv/backups/cbm/${id}/`, { directory: "/srv/backups", name: "cbm", backup: id }],
    ["/cbm/latest", { directory: "/", name: "cbm", backup: "latest" }],
    ["../backups/cbm/latest", { directory: "../backups", name: "cbm", backup: "latest" }],
    ["cbm/latest", { directory: ".", name: "cbm", backup: "latest" }],
  ] as const) {
    it(`can be ${given ?? "left out"}`, () => {
      assert.deepEqual(namedBackup(given, {}), expected);
    });
  }

  for (const given of ["s3://bucket/cbm", "/srv/backups/cbm", "/latest", `/srv/cbm/${id}/manifest.json`]) {
    it(`cannot be ${given}`, () => {
      assert.throws(
        () => namedBackup(given, {}),
        /is not the location of a backup\. Write DIRECTORY\/NAME\/ID/,
      );
    });
  }

  it("does not say a second time where the backup is", () => {
    assert.throws(() => namedBackup("/srv/cbm/latest", { name: "cbm" }), /leave out --name/);
    assert.throws(
      () => namedBackup("/srv/cbm/latest", { directory: "/srv", name: "cbm" }),
      /leave out --directory and --name/,
    );
    assert.deepEqual(namedBackup("latest", { directory: "/srv", name: "cbm" }), { backup: "latest" });
  });
});
