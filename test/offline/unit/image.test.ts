import assert from "node:assert/strict";
import { sourceLines } from "../../../offline/image/apt-sources";
import { recipeHashes } from "../../../offline/image/recipe";
import { imageVersions, isImageVersion, releaseOf } from "../../../offline/image/versions";

const signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";

describe("offline image sources", () => {
  it("are this machine's archives, for the suite of the image", () => {
    const targets = [
      "Debian file:/archive/debian/",
      "Debian file:/archive/debian/",
      "Debian-Security file:/archive/security/",
    ].join("\n");
    assert.deepEqual(sourceLines("trixie", targets), [
      `deb ${signed} file:/archive/debian/ trixie main`,
      `deb ${signed} file:/archive/debian/ trixie-updates main`,
      `deb ${signed} file:/archive/security/ trixie-security main`,
    ]);
  });

  it("go without security updates where this machine has no archive of them", () => {
    assert.equal(sourceLines("trixie", "Debian file:/archive/debian/").length, 2);
  });

  it("are left to mmdebstrap on a machine without Debian's archives", () => {
    assert.deepEqual(sourceLines("trixie", ""), []);
    assert.deepEqual(sourceLines("trixie", "Debian-Security file:/archive/security/"), []);
  });
});

describe("offline image recipes", () => {
  it("differ between versions and stay the same between calls", async () => {
    const hashes = await Promise.all(imageVersions.map((version) => recipeHashes(releaseOf(version))));
    assert.equal(
      new Set(hashes.flatMap(({ rootfs, image }) => [rootfs, image])).size,
      2 * imageVersions.length,
    );
    assert.deepEqual(await recipeHashes(releaseOf("17-3.5")), hashes[imageVersions.indexOf("17-3.5")]);
  });

  it("know the versions there are", () => {
    assert.ok(isImageVersion("13-3.1"));
    assert.ok(!isImageVersion("12-3.0") && !isImageVersion("toString"));
  });
});
