import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { failureOf, runRunner } from "./runner";

export interface BackupOptions {
  readonly container: string;
  readonly repository: string;
  readonly name?: string;
  readonly tables: readonly string[];
  /** Further options of the command line. */
  readonly more?: readonly string[];
  readonly env?: Record<string, string>;
}

export function backupArguments({ container, repository, name, tables, more = [] }: BackupOptions): string[] {
  const selected = tables.flatMap((table) => ["--table", table]);
  const where = ["--container", container, "--repository", repository, "--name", name ?? "cbm"];
  return ["backup", ...where, ...selected, ...more];
}

/** Runs `backup` as a user would; whatever comes of it. */
export function tryBackup(options: BackupOptions) {
  return runRunner([...backupArguments(options), "--json"], options.env);
}

/** A backup that is expected to succeed. */
export async function takeBackup(options: BackupOptions) {
  const { exitCode, stdout, stderr } = await tryBackup(options);
  assert.equal(exitCode, 0, stderr + stdout);
  const result = BackupResult.parse(JSON.parse(stdout));
  return { result, manifest: readManifest(result), stderr };
}

export function readManifest({ manifest }: Pick<BackupResult, "manifest">): Manifest {
  return Manifest.parse(JSON.parse(readFileSync(manifest, "utf8")));
}

/** A backup that is expected to fail; what it wrote to standard error, without lines of progress. */
export async function failBackup(options: BackupOptions): Promise<string> {
  return failureOf(await runRunner(backupArguments(options), options.env));
}
