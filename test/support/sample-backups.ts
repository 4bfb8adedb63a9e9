/** Backups as they are on disk, made without a database, and changes to real ones. */
import assert from "node:assert/strict";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "../../runner/repository/manifest";
import type { StoredBackup } from "../../runner/repository/repository";
import { backupTime } from "../../runner/repository/backup-id";

interface Sample {
  readonly name?: string;
  readonly tables?: readonly string[];
  readonly compression?: string;
  readonly container?: string;
  readonly database?: string;
  /** Of each file. */
  readonly bytes?: number;
  readonly files?: number;
}

/** The manifest of a backup in the directory format, as far as anybody looks at it. */
export function sampleManifest(id: string, sample: Sample = {}): Manifest {
  const { name = "cbm", tables = ["t"], compression = "zstd:1", bytes = 10, files = 1 } = sample;
  const { container = "pg_spat", database = "postgres" } = sample;
  const time = id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const paths = ["prepare.sql", ...Array.from({ length: files }, (_, index) => `archive/${index}.dat`)];
  return {
    manifestVersion: 1,
    id,
    name,
    startedAt: time,
    finishedAt: time,
    source: {
      container,
      containerId: "c0",
      image: "postgis",
      imageDigest: "sha256:0",
      database,
      serverVersion: "17.0",
      encoding: "UTF8",
      lcCollate: "C",
      lcCtype: "C",
    },
    pgDumpVersion: "17.0",
    snapshot: "0-1",
    format: "directory",
    compression,
    jobs: 1,
    fingerprintMethod: "columns",
    tables: tables.map((table) => ({
      schema: "public",
      name: table,
      kind: "table",
      owner: "postgres",
      bytes: 8192,
      rows: 5,
      fingerprint: "1",
      indexes: [],
      constraints: [],
    })),
    requires: {
      schemas: [],
      extensions: [],
      types: [],
      functions: [],
      others: [],
      sequences: [],
      roles: ["postgres"],
      customSrids: [],
    },
    files: paths.map((file) => ({ path: file, bytes, sha256: "0".repeat(64) })),
    logicalForeignKeys: [],
    ignoredReferences: [],
    skipped: [],
    verification: { level: "archive", seconds: 0 },
  };
}

/** A backup as a store gives it. */
export function sampleStored(id: string, change: Partial<StoredBackup> = {}): StoredBackup {
  const startedAt = backupTime(id);
  assert.ok(startedAt, id);
  const listed = {
    id,
    name: "cbm",
    location: `/b/cbm/${id}`,
    startedAt,
    bytes: 1,
    kept: false,
    latest: false,
    verifications: [],
  };
  return { ...listed, manifest: sampleManifest(id), ...change };
}

/** A complete backup; its folder. */
export async function writeBackup(repository: string, id: string, sample: Sample = {}): Promise<string> {
  const manifest = sampleManifest(id, sample);
  const folder = path.join(repository, manifest.name, id);
  await mkdir(path.join(folder, "archive"), { recursive: true });
  for (const file of manifest.files) await writeFile(path.join(folder, file.path), Buffer.alloc(file.bytes));
  await writeFile(path.join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}

/** Makes a backup one of another time, as if it had been taken then. */
export async function redate(nameFolder: string, from: string, to: string): Promise<void> {
  await rename(path.join(nameFolder, from), path.join(nameFolder, to));
  const file = path.join(nameFolder, to, "manifest.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as object;
  await writeFile(file, JSON.stringify({ ...manifest, id: to }));
}
