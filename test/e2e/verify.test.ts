import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, cp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { BackupResult, VerifyResult } from "../../runner/request";
import { Verification } from "../../runner/repository/verification";
import { startServer } from "../support/container";
import { cutEnd, filesOf, flipBit, reseal } from "../support/damage";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runReadOnly } from "../support/read-only";
import { runRunner } from "../support/runner";

const source = `
CREATE TABLE parcels (id int PRIMARY KEY, "Note" text, g geometry(Point, 4326));
INSERT INTO parcels SELECT i, md5(i::text), ST_SetSRID(ST_MakePoint(i % 180, 1), 4326) FROM generate_series(1, 2000) i;
CREATE TABLE signatures AS SELECT i AS pid, i % 7 AS band FROM generate_series(1, 3000) i;`;

const kinds = [
  { name: "directory", place: "mounted", options: ["--format", "directory"] },
  { name: "zipped", place: "mounted", options: ["--compression", "gzip:1"] },
  { name: "lz4", place: "mounted", options: ["--compression", "lz4"] },
  { name: "custom", place: "mounted", options: ["--format", "custom"] },
  { name: "streamed", place: "elsewhere", options: ["--format", "custom", "--compression", "gzip:1"] },
  { name: "zstd", place: "elsewhere", options: ["--format", "plain", "--compression", "zstd:1"] },
  { name: "gzip", place: "mounted", options: ["--format", "plain", "--compression", "gzip:1"] },
  { name: "none", place: "elsewhere", options: ["--format", "plain", "--compression", "none"] },
] as const;

describe("postgis-backup verify", function () {
  this.timeout(120_000);
  let container: string;
  let folders: Record<"mounted" | "elsewhere", string>;

  before(async () => {
    folders = { mounted: await temporaryFolder(), elsewhere: await temporaryFolder() };
    container = await startServer({ mount: folders.mounted });
    await sql(container, source);
  });
  after(async () => {
    await removeContainer(container);
    await Promise.all(Object.values(folders).map(removeFolder));
  });

  const run = (name: string, place: keyof typeof folders, ...options: string[]) =>
    runRunner([
      ...["backup", "--container", container, "--table", "parcels", "--table", "signatures"],
      ...["--repository", folders[place], "--name", name, ...options],
    ]);
  async function take(...args: Parameters<typeof run>): Promise<BackupResult> {
    const { stdout, stderr, exitCode } = await run(...args, "--json");
    assert.equal(exitCode, 0, stderr);
    return BackupResult.parse(JSON.parse(stdout));
  }
  /** Of the backup in that folder. */
  async function verify(location: string, ...options: string[]) {
    const [id, parent] = [path.basename(location), path.dirname(location)];
    const where = ["--repository", path.dirname(parent), "--name", path.basename(parent)];
    return runRunner(["verify", ...where, ...(options.includes("--all") ? [] : [id]), ...options]);
  }
  /** A copy of the backup that may be spoilt. */
  async function copyOf(backup: BackupResult): Promise<string> {
    const copy = path.join(folders.elsewhere, "copies", backup.backupId);
    await rm(copy, { recursive: true, force: true });
    await cp(backup.location, copy, { recursive: true });
    return copy;
  }

  for (const { name, place, options } of kinds) {
    describe(`of ${options.join(" ")}, ${place}`, () => {
      let backup: BackupResult;
      before(async () => {
        backup = await take(name, place, ...options);
      });

      it("passes, and so does sha256sum", async () => {
        assert.equal(backup.verification.level, "archive");
        const { exitCode, stdout, stderr } = await verify(backup.location);
        assert.equal(exitCode, 0, stderr);
        assert.match(stdout, new RegExp(`^${backup.backupId}: verified \\(archive\\) in \\d`));
        const { stdout: checked } = await execa("sha256sum", ["--check", "--strict", "SHA256SUMS"], {
          cwd: backup.location,
        });
        const files = (await filesOf(backup.location)).filter((file) => file !== "SHA256SUMS");
        assert.deepEqual(checked.split("\n").sort(), files.map((file) => `${file}: OK`).sort());
      });

      it("finds a flipped bit in any file", async () => {
        for (const file of await filesOf(backup.location)) {
          const copy = await copyOf(backup);
          await flipBit(path.join(copy, file));
          const { exitCode, stdout, stderr } = await verify(copy);
          assert.equal(exitCode, 1, file);
          assert.match(stdout, /^\S+: failed \((checksum-mismatch|manifest-unreadable)\)$/);
          assert.ok(stderr.includes(`${file} `), stderr);
        }
      });

      it("finds an archive that was cut off before its checksums were made", async () => {
        const copy = await copyOf(backup);
        const largest = (await filesOf(copy)).find((file) =>
          /archive.*\.(dat.*|zst|gz|dump|sql)$/.test(file),
        );
        await cutEnd(path.join(copy, largest ?? ""), 200);
        await reseal(copy);
        const { exitCode, stderr } = await verify(copy);
        assert.equal(exitCode, 1);
        assert.match(stderr, /^error\[archive-incomplete\]: /m);
      });
    });
  }

  it("finds files that are missing or cut off, each of them", async () => {
    const copy = await copyOf(await take("damage", "mounted"));
    await rm(path.join(copy, "prepare.sql"));
    await cutEnd(path.join(copy, "archive", "toc.dat"));
    const { exitCode, stderr } = await verify(copy);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[checksum-mismatch\]: .*archive\/toc\.dat has \d+ bytes instead of \d+/m);
    assert.match(stderr, /^error\[checksum-mismatch\]: .*prepare\.sql is missing/m);
    await rm(path.join(copy, "manifest.json"));
    assert.match((await verify(copy)).stderr, /error\[manifest-unreadable\]: .*manifest\.json is missing/);
  });

  it("of all backups reports each, whatever is wrong with another", async () => {
    const first = await take("several", "elsewhere", "--format", "custom");
    const second = await take("several", "elsewhere", "--format", "plain");
    const third = await take("several", "elsewhere", "--format", "custom");
    await flipBit(path.join(first.location, "archive.dump"));
    await writeFile(path.join(third.location, "manifest.json"), "{");
    const { exitCode, stdout } = await verify(first.location, "--all", "--json");
    assert.equal(exitCode, 1);
    const { error, ...result } = JSON.parse(stdout) as { error: { failures: { code: string }[] } };
    assert.deepEqual(
      VerifyResult.parse(result).backups.map(({ backupId, error }) => [backupId, error?.code]),
      [
        [first.backupId, "checksum-mismatch"],
        [second.backupId, undefined],
        [third.backupId, "manifest-unreadable"],
      ],
    );
    assert.deepEqual(
      error.failures.map(({ code }) => code),
      ["checksum-mismatch", "manifest-unreadable"],
    );
    const inLines = await verify(first.location, "--all");
    assert.equal(inLines.stdout.split("\n").length, 3);
    assert.match(
      inLines.stderr,
      /error\[checksum-mismatch\]: .*archive\.dump[^]*error\[manifest-unreadable\]: .*is not JSON/,
    );
  });

  it("means the latest backup where none is named, and says what it does not find", async () => {
    const { backupId } = await take("latest", "elsewhere", "--format", "plain");
    const args = ["verify", "--repository", folders.elsewhere, "--name"];
    assert.match((await runRunner([...args, "latest"])).stdout, new RegExp(`^${backupId}: verified`));
    const unknown = await runRunner([...args, "latest", "20200101T000000Z"]);
    assert.equal(unknown.exitCode, 1);
    assert.match(unknown.stderr, /error\[backup-not-found\]/);
    assert.equal((await runRunner([...args, "latest", "--level", "none"])).exitCode, 2);
  });

  it("records what it found beside the backup, where list and prune see it", async () => {
    const { location, backupId } = await take("recorded", "elsewhere", "--format", "plain");
    const archive = path.join(
      location,
      (await filesOf(location)).find((file) => /^archive/.test(file)) ?? "",
    );
    const modified = (await stat(path.join(location, "manifest.json"))).mtimeMs;
    const verifyJson = async (...options: string[]) => {
      const { stdout } = await verify(location, "--json", ...options);
      // A failure is beside it.
      const { backups } = JSON.parse(stdout) as { backups: unknown };
      return VerifyResult.parse({ backups }).backups[0];
    };
    const list = (...options: string[]) =>
      runRunner(["list", "--repository", folders.elsewhere, "--name", "recorded", ...options]);

    assert.equal((await verifyJson())?.recorded, true);
    assert.match((await list()).stdout, new RegExp(`${backupId} .* archive \\d+m?s +latest$`, "m"));
    await flipBit(archive);
    assert.deepEqual(
      [(await verifyJson())?.recorded, (await verifyJson())?.error?.code],
      [true, "checksum-mismatch"],
    );
    await flipBit(archive);
    // Whatever the record says, nothing of the backup itself has changed.
    assert.equal((await stat(path.join(location, "manifest.json"))).mtimeMs, modified);
    const failed = await list("--fail-on-alarm");
    assert.equal(failed.exitCode, 3);
    assert.match(failed.stdout, new RegExp(`${backupId} .* FAILED \\d+m?s +latest$`, "m"));
    assert.match(
      failed.stderr,
      /^warning: Backup \S+ failed its verification: checksum-mismatch, at .*archive/m,
    );
    const prune = ["prune", "--repository", folders.elsewhere, "--name", "recorded", "--keep-last", "1"];
    assert.match((await runRunner(prune)).stdout, /its verification failed/);

    assert.equal((await verifyJson("--level", "restore"))?.recorded, true);
    const good = await list("--fail-on-alarm");
    assert.deepEqual([good.exitCode, good.stderr], [0, ""]);
    assert.match(good.stdout, new RegExp(`${backupId} .* restore \\d+m?s +latest$`, "m"));
    const record = JSON.parse(
      await readFile(path.join(location, "verification-restore.json"), "utf8"),
    ) as object;
    assert.ok(Verification.safeParse(record).success);
    // That Docker has no such image is no finding.
    assert.equal(
      (await verifyJson("--level", "restore", "--image", "pgb-test-no-such-image"))?.recorded,
      false,
    );
    assert.equal((await list("--fail-on-alarm")).exitCode, 0);
  });

  it("works where nothing can be written, and says that it did not record anything", async () => {
    const { location } = await take("readonly", "elsewhere", "--format", "plain", "--compression", "none");
    const before = await readdir(location);
    const args = ["verify", location, "--json"];
    const { exitCode, stdout, stderr } = await runReadOnly(args, {});
    assert.equal(exitCode, 0, stderr);
    assert.equal(VerifyResult.parse(JSON.parse(stdout)).backups[0]?.recorded, false);
    assert.match(stderr, /^warning: What was found is not recorded beside \S+, .* cannot be written: EROFS/m);
    assert.equal((await runReadOnly([...args, "--fail-on-alarm"], {})).exitCode, 3);
    assert.deepEqual(await readdir(location), before);
    await chmod(location, 0o750);
    assert.equal((await verify(location)).exitCode, 0);
    const { mode } = await stat(path.join(location, "verification-archive.json"));
    assert.equal(mode & 0o777, 0o640, "whoever reads the backup reads it too");
  });

  it("needs an image that has pg_restore, and says so", async () => {
    const { location } = await take("image", "elsewhere", "--format", "custom");
    const { exitCode, stderr } = await verify(location, "--image", "pgb-test-no-such-image");
    assert.equal(exitCode, 1);
    assert.match(stderr, /error\[docker-failed\]: The image pgb-test-no-such-image .*--image/s);
  });

  it("is left out on request, but the checksums are there", async () => {
    const { location, verification } = await take("unverified", "mounted", "--verify", "none");
    assert.deepEqual(verification, { level: "none", seconds: 0 });
    const manifest = JSON.parse(await readFile(path.join(location, "manifest.json"), "utf8")) as object;
    assert.ok("verification" in manifest);
    assert.deepEqual(manifest.verification, verification);
    assert.equal((await verify(location)).exitCode, 0);
  });

  /** Refuses backups while `pg_dump`, which is `$real "$@"`, is followed by this loss. */
  async function expectRefused(
    folder: keyof typeof folders,
    loss: string,
    ...formats: string[]
  ): Promise<void> {
    const wrapper = "/usr/local/sbin/pg_dump";
    const lossy = `#!/bin/bash
real=$(ls -d /usr/lib/postgresql/*/bin | tail -1)/pg_dump
case "$*" in *--strict-names*) ${loss};; *) exec "$real" "$@";; esac
`;
    await execa("docker", ["exec", "-i", container, "sh", "-c", `cat >${wrapper}; chmod +x ${wrapper}`], {
      input: lossy,
    });
    try {
      for (const format of formats) {
        const { exitCode, stdout, stderr } = await run("refused", folder, "--format", format);
        assert.equal(exitCode, 1);
        assert.equal(stdout, "");
        assert.match(stderr, /^error\[archive-incomplete\]: /m);
        const parent = path.join(folders[folder], "refused");
        assert.deepEqual(existsSync(parent) ? await readdir(parent) : [], []);
      }
    } finally {
      await execa("docker", ["exec", container, "rm", wrapper]);
    }
  }

  it("is part of a backup: one that fails is not published", async () => {
    await expectRefused("elsewhere", '"$real" "$@" | head --bytes=-500', "custom", "plain");
  });

  it("is part of a backup: nor is one whose small files were cut off", async () => {
    const cut = (file: string) =>
      `"$real" "$@" && for option; do case $option in --file=*) truncate -s -20 $(ls -S \${option#--file=}/${file} | head -1);; esac; done`;
    for (const file of ["[0-9]*.dat*", "toc.dat"]) await expectRefused("mounted", cut(file), "directory");
  });
});
