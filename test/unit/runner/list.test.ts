import assert from "node:assert/strict";
import { alarmsOf } from "../../../runner/prune";
import { compare } from "../../../runner/prune/list";
import type { StoredBackup } from "../../../runner/repository/repository";
import { standingFailure, type Verification } from "../../../runner/repository/verification";
import { sampleManifest, sampleStored as stored } from "../../support/sample-backups";

const now = new Date("2026-11-22T12:00:00Z");
const [first, second, third] = ["20261120T080000Z", "20261121T080000Z", "20261122T080000Z"] as const;

const found = (level: Verification["level"], day: number, code?: string): Verification => ({
  ...{ recordVersion: 1, level, seconds: 1, finishedAt: `2026-11-${day}T09:00:00.000Z` },
  ...(code === undefined ? {} : { error: { code, message: "the first line\nand more" } }),
});

describe("a failed verification", () => {
  const failedOf = (...verifications: Verification[]) => standingFailure(verifications)?.error.code;

  it("stands until a later one of its level or a higher one finds nothing", () => {
    assert.equal(failedOf(), undefined);
    assert.equal(failedOf(found("archive", 10), found("restore", 11)), undefined);
    assert.equal(failedOf(found("archive", 10, "a")), "a");
    assert.equal(failedOf(found("archive", 10, "a"), found("restore", 11)), undefined);
    assert.equal(failedOf(found("restore", 10), found("archive", 11, "a")), "a");
    assert.equal(failedOf(found("restore", 10, "r"), found("archive", 11)), "r", "reading alone proves less");
    assert.equal(failedOf(found("restore", 10, "r"), found("archive", 11, "a")), "a");
  });
});

describe("the list of backups", () => {
  const sized = (id: string, bytes: number, change: object = {}): StoredBackup =>
    stored(id, { manifest: sampleManifest(id, { bytes, tables: ["t", "u"], ...change }) });

  it("compares each with the good one before it of the same database", () => {
    const backups = [
      sized(first, 100),
      sized("20261120T090000Z", 5000, { database: "gis" }),
      { ...sized("20261120T100000Z", 7), problem: "toc.dat is missing" } as StoredBackup,
      sized(second, 300),
      sized(third, 50),
      stored("20261122T090000Z", { manifest: undefined, problem: "manifest.json is missing" }),
    ];
    assert.deepEqual(
      compare(backups).map(({ contents }) => [contents?.archiveBytes, contents?.growthBytes]),
      [
        [200, undefined],
        [10_000, undefined],
        [14, -186],
        [600, 400],
        [100, -500],
        [undefined, undefined],
      ],
    );
    assert.deepEqual(compare(backups)[3]?.contents, {
      ...{ tables: 2, rows: 10, databaseBytes: 16_384, archiveBytes: 600, growthBytes: 400 },
    });
  });

  const alarms = (backups: readonly StoredBackup[], maxAge?: string) =>
    alarmsOf(compare(backups), maxAge, now);

  it("warns of what is damaged or failed", () => {
    assert.deepEqual(
      alarms([
        stored(first, { problem: "toc.dat is missing" }),
        stored(second, { verifications: [found("restore", 21, "restore-mismatch")] }),
        stored(third, { verifications: [found("restore", 22)] }),
      ]),
      [
        `Backup /b/cbm/${first} is damaged: toc.dat is missing.`,
        `Backup /b/cbm/${second} failed its verification: restore-mismatch, at 2026-11-21T09:00:00.000Z (restore). the first line`,
      ],
    );
  });

  it("warns of a name whose newest good backup is too old, and of no backup at all", () => {
    assert.deepEqual(alarms([stored(third)], "4h"), []);
    const old = (id: string) => `The newest good backup of "cbm" is ${id}, from more than 4h ago.`;
    assert.deepEqual(alarms([stored(second)], "4h"), [old(second)]);
    const failed = stored(third, { verifications: [found("archive", 22, "checksum-mismatch")] });
    assert.deepEqual(alarms([stored(second), failed], "4h").at(-1), old(second));
    assert.deepEqual(alarms([stored(second), stored("20261123T080000Z")], "4h"), [old(second)]);
    assert.deepEqual(alarms([stored(third), stored(second, { name: "other" })], "4h"), [
      old(second).replace("cbm", "other"),
    ]);
    assert.deepEqual(
      alarms([stored(third, { problem: "x" })], "4h").at(-1),
      'There is no good backup of "cbm".',
    );
    assert.deepEqual(alarms([], "4h"), ["There is no backup at all."]);
    assert.deepEqual(alarms([]), []);
  });
});
