import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rm, symlink } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { digest, id, inTar, older, tarOf, transferFixture } from "../support/transfer-fixture";

describe("a tar that was damaged or forged", function () {
  this.timeout(60_000);
  const fixture = transferFixture();

  it("takes the tar that these tests damage, and one of the same files in another order", async () => {
    assert.equal((await fixture.imported(fixture.tar)).exitCode, 0);
    await fixture.expectWhole();
    await rm(fixture.nameFolder(id), { recursive: true });
    const [manifest, sums, ...files] = await fixture.realEntries();
    assert.ok(manifest && sums);
    const { exitCode, stderr } = await fixture.imported(await tarOf([manifest, sums, ...files.toReversed()]));
    assert.equal(exitCode, 0, stderr);
    await fixture.expectWhole();
  });

  it("refuses a tar that is cut off, wherever it is", async () => {
    const total = fixture.tar.length;
    // The last 1,024 bytes are zeros that say that nothing follows; without them all files are there.
    for (const length of [0, 1, 511, 512, 700, 3000, 5000, 20_000, total - 3000, total - 1025])
      await fixture.expectRefused(fixture.tar.subarray(0, length), "archive-incomplete", /ends too early/);
  });

  it("refuses a tar with a flipped bit, wherever it matters, and what it takes is whole", async () => {
    const codes = new Set<string>();
    for (let offset = 0; offset < fixture.tar.length; offset += 313) {
      const damaged = Buffer.from(fixture.tar);
      damaged.writeUInt8((damaged[offset] ?? 0) ^ (1 << (offset % 8)), offset);
      const failure = await fixture.importHere(damaged);
      if (failure === undefined) {
        // What fills up the last block of a file belongs to no file.
        await fixture.expectWhole();
        assert.equal(fixture.tar[offset], 0);
        await rm(fixture.nameFolder(id), { recursive: true });
        await rm(fixture.nameFolder("latest"));
        await symlink(older, fixture.nameFolder("latest"));
        continue;
      }
      codes.add(failure.code);
      await fixture.expectUntouched();
    }
    assert.ok(codes.has("checksum-mismatch"), [...codes].join());
    for (const code of codes)
      assert.ok(
        ["checksum-mismatch", "tar-invalid", "archive-incomplete", "manifest-unreadable"].includes(code),
        code,
      );
  });

  for (const [title, offset, code] of [
    ["the manifest", 600, "checksum-mismatch"],
    ["the first header", 30, "tar-invalid"],
  ] as const) {
    it(`refuses a tar with a flipped bit in ${title}`, async () => {
      const damaged = Buffer.from(fixture.tar);
      damaged.writeUInt8((damaged[offset] ?? 0) ^ 1, offset);
      await fixture.expectRefused(damaged, code);
    });
  }

  it("refuses a file whose bytes are others of the same number, and names it", async () => {
    const entries = await fixture.realEntries();
    const content = randomBytes(70_001);
    await fixture.expectRefused(
      await tarOf(
        entries.map((entry) => (entry.name === inTar("archive/1.dat") ? { ...entry, content } : entry)),
      ),
      "checksum-mismatch",
      /archive\/1\.dat in the tar does not have the checksum that the manifest records/,
    );
  });

  it("refuses what is no tar, and a compressed one", async () => {
    await fixture.expectRefused(randomBytes(5000), "tar-invalid");
    const { stdout } = await execa("gzip", ["--stdout"], { input: fixture.tar, encoding: "buffer" });
    await fixture.expectRefused(Buffer.from(stdout), "tar-invalid", /compressed/);
  });

  it("says so in one message, with exit status 1 and no result", async () => {
    const { exitCode, stdout, stderr } = await fixture.imported(fixture.tar.subarray(0, 40_000));
    assert.equal(exitCode, 1);
    assert.equal(stdout, "");
    const errors = stderr.split("\n").filter((line) => /^error\b|^ {4}at /.test(line));
    assert.equal(errors.length, 1, stderr);
    assert.match(errors[0] ?? "", /^error\[archive-incomplete\]: The tar ends too early/);
    await fixture.expectUntouched();
  });

  it("refuses a tar that lacks a file, that has one more, or one twice", async () => {
    const entries = await fixture.realEntries();
    await fixture.expectRefused(
      await tarOf(entries.filter(({ name }) => name !== inTar("archive/empty.dat"))),
      "archive-incomplete",
      /1 of 5 files are missing, archive\/empty\.dat among them/,
    );
    await fixture.expectRefused(
      await tarOf([...entries, { name: inTar("extra"), content: Buffer.from("x") }]),
      "tar-invalid",
    );
    const [first] = entries.slice(2);
    assert.ok(first);
    await fixture.expectRefused(await tarOf([...entries, first]), "tar-invalid", /which was there before/);
    await fixture.expectRefused(await tarOf([...entries, { name: inTar("manifest.json") }]), "tar-invalid");
  });

  it("refuses links, and a tar that does not begin with a manifest", async () => {
    const entries = await fixture.realEntries();
    for (const type of ["symlink", "link"] as const) {
      const link = { name: inTar("archive/1.dat"), type, linkname: "/etc/passwd" };
      await fixture.expectRefused(
        await tarOf([...entries.filter(({ name }) => name !== link.name), link]),
        "tar-invalid",
        /not a plain file/,
      );
    }
    await fixture.expectRefused(
      await tarOf([{ ...(entries[0] ?? { name: "" }), type: "symlink", linkname: "x" }]),
      "tar-invalid",
    );
    await fixture.expectRefused(await tarOf(entries.toReversed()), "tar-invalid", /instead of the manifest/);
    await fixture.expectRefused(
      await tarOf(entries.filter((_, index) => index !== 1)),
      "tar-invalid",
      /instead of SHA256SUMS/,
    );
  });

  it("writes nothing outside of its folder, whatever names a tar and its manifest have", async () => {
    const outside = path.join(fixture.target, "outside");
    const content = Buffer.from("owned");
    for (const file of [
      "../outside",
      "../../outside",
      outside,
      "archive/../../../outside",
      "./outside",
      "archive//outside",
      ".run",
      "a\\b",
      "keep",
      "manifest.json",
      "SHA256SUMS/x",
    ]) {
      const seal = await fixture.resealed((manifest) => ({
        ...manifest,
        files: [{ path: file, bytes: content.length, sha256: digest(content) }],
      }));
      await fixture.expectRefused(
        await tarOf([...seal, { name: path.isAbsolute(file) ? file : inTar(file), content }]),
        "tar-invalid",
      );
      await fixture.expectRefused(
        await tarOf([...(await fixture.realEntries()), { name: file, content }]),
        "tar-invalid",
      );
    }
    for (const [name, own] of [
      ["..", id],
      ["cbm", ".."],
      ["cbm", "20261122T080000Z.partial"],
      ["cbm", "latest"],
      ["c/bm", id],
    ] as const) {
      const entries = await fixture.resealed((manifest) => ({ ...manifest, name, id: own, files: [] }));
      await fixture.expectRefused(
        await tarOf(
          entries.map((entry) => ({ ...entry, name: entry.name.replace(`cbm/${id}`, `${name}/${own}`) })),
        ),
        "tar-invalid",
      );
      await fixture.expectRefused(await tarOf(entries), "tar-invalid");
    }
  });
});
