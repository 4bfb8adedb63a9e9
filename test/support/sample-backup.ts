import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Manifest } from "../../runner/repository/manifest";
import { docker } from "./container";

/** Expects at the location the backup of the program in README.md, and that stock pg_restore reads it where the program mounts it. */
export async function expectSampleBackup(location: unknown, container: string): Promise<void> {
  const manifestFile = path.join(String(location), "manifest.json");
  const manifest = Manifest.parse(JSON.parse(await readFile(manifestFile, "utf8")));
  assert.deepEqual(
    manifest.tables.map(({ name, rows }) => [name, rows]),
    [
      ["dias_catalogue", 2],
      ["roi2020_S2_signatures", 100],
    ],
  );
  const archive = `/backups/cbm/${manifest.id}/archive`;
  const { code, output } = await docker("exec", container, "pg_restore", "--list", archive);
  assert.equal(code, 0, output);
  assert.match(output, /TABLE DATA public roi2020_S2_signatures/);
}
