"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const apt_sources_1 = require("../../../offline/image/apt-sources");
const recipe_1 = require("../../../offline/image/recipe");
const versions_1 = require("../../../offline/image/versions");
const signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
describe("offline image sources", () => {
    it("are this machine's archives, for the suite of the image", () => {
        const targets = [
            "Debian file:/archive/debian/",
            "Debian file:/archive/debian/",
            "Debian-Security file:/archive/security/",
        ].join("\n");
        strict_1.default.deepEqual((0, apt_sources_1.sourceLines)("trixie", targets), [
            `deb ${signed} file:/archive/debian/ trixie main`,
            `deb ${signed} file:/archive/debian/ trixie-updates main`,
            `deb ${signed} file:/archive/security/ trixie-security main`,
        ]);
    });
    it("go without security updates where this machine has no archive of them", () => {
        strict_1.default.equal((0, apt_sources_1.sourceLines)("trixie", "Debian file:/archive/debian/").length, 2);
    });
    it("are left to mmdebstrap on a machine without Debian's archives", () => {
        strict_1.default.deepEqual((0, apt_sources_1.sourceLines)("trixie", ""), []);
        strict_1.default.deepEqual((0, apt_sources_1.sourceLines)("trixie", "Debian-Security file:/archive/security/"), []);
    });
});
describe("offline image recipes", () => {
    it("differ between versions and stay the same between calls", async () => {
        const hashes = await Promise.all(versions_1.imageVersions.map((version) => (0, recipe_1.recipeHashes)((0, versions_1.releaseOf)(version))));
        strict_1.default.equal(new Set(hashes.flatMap(({ rootfs, image }) => [rootfs, image])).size, 2 * versions_1.imageVersions.length);
        strict_1.default.deepEqual(await (0, recipe_1.recipeHashes)((0, versions_1.releaseOf)("17-3.5")), hashes[versions_1.imageVersions.indexOf("17-3.5")]);
    });
    it("know the versions there are", () => {
        strict_1.default.ok((0, versions_1.isImageVersion)("13-3.1"));
        strict_1.default.ok(!(0, versions_1.isImageVersion)("12-3.0") && !(0, versions_1.isImageVersion)("toString"));
    });
});
