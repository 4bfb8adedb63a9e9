import assert from "node:assert/strict";
import { beforeShrinkage, checkNewestSize } from "../../../runner/prune/size-check";
import type { StoredBackup } from "../../../runner/repository/repository";
import { sampleManifest, sampleStored as stored } from "../../support/sample-backups";

describe("the check of the newest backup's size", () => {
  const sized = (
    id: string,
    bytes: number,
    sample: Parameters<typeof sampleManifest>[1] = {},
    change: Partial<StoredBackup> = {},
  ) => stored(id, { manifest: sampleManifest(id, { bytes, ...sample }), ...change });

  it("fails when it is smaller than the share of the one before it, with both sizes and what to do", () => {
    const before = sized("20261121T000000Z", 1_000_000, { tables: ["a", "b"] });
    const after = sized("20261122T000000Z", 499_999, { tables: ["a"] });
    assert.throws(
      () => {
        checkNewestSize([before, after], 0.5);
      },
      {
        code: "backup-too-small",
        message:
          /^Backup 20261122T000000Z of "cbm" has 1 MB, less than 0\.5 times the 2 MB of 20261121T000000Z before it, and lacks public\.b\. No backup was removed\. Check .* mark 20261121T000000Z with "postgis-backup keep"/,
      },
    );
    checkNewestSize([before, sized("20261122T000000Z", 500_000)], 0.5);
  });

  it("passes where there is nothing to compare with, or where the one before is marked", () => {
    const small = sized("20261122T000000Z", 1);
    checkNewestSize([], 0.5);
    checkNewestSize([small], 0.5);
    checkNewestSize([sized("20261121T000000Z", 1000, {}, { kept: true }), small], 0.5);
    checkNewestSize([sized("20261121T000000Z", 1000, {}, { problem: "damaged" }), small], 0.5);
    checkNewestSize([sized("20261121T000000Z", 1000, { database: "other" }), small], 0.5);
  });

  it("compares with the newest earlier one of the same compression", () => {
    const zstd = sized("20261120T000000Z", 100);
    const none = sized("20261121T000000Z", 1000, { compression: "none" });
    checkNewestSize([zstd, none, sized("20261122T000000Z", 90)], 0.5);
    assert.throws(() => {
      checkNewestSize([zstd, none, sized("20261122T000000Z", 40)], 0.5);
    }, /20261120T000000Z before it/);
  });

  it("is about the newest alone, but remembers the one before each drop", () => {
    const large = sized("20261119T000000Z", 1000);
    const backups = [large, sized("20261120T000000Z", 100), sized("20261121T000000Z", 100)];
    checkNewestSize(backups, 0.5);
    assert.deepEqual([...beforeShrinkage(backups, 0.5)], [large]);
  });
});
