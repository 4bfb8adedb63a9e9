/** Backups of a year or more, as a repository gives them, without any archive. */
import type { Manifest } from "../../runner/repository/manifest";
import type { StoredBackup } from "../../runner/repository/repository";
import { backupId } from "../../runner/repository/backup-id";
import { sampleManifest } from "./sample-backups";

interface Past {
  readonly name?: string;
  /** Number of backups, one a day. */
  readonly backups: number;
  readonly tables: readonly string[];
  /** When the last one began. */
  readonly until: Date;
  readonly hostile?: string;
}

const day = 24 * 60 * 60 * 1000;

/** Backups that grow, the last one being the latest. */
export function pastOf({ name = "cbm", backups, tables, until }: Past): StoredBackup[] {
  return Array.from({ length: backups }, (_, index) => {
    const startedAt = new Date(until.getTime() - (backups - 1 - index) * day);
    const id = backupId(startedAt);
    const manifest = grown(sampleManifest(id, { name, tables }), startedAt, index);
    const location = `/b/${name}/${id}`;
    const bytes = 1e6 + manifest.tables.reduce((sum, table) => sum + table.bytes, 0) / 3;
    return {
      id,
      name,
      location,
      startedAt,
      bytes,
      manifest,
      kept: false,
      latest: index === backups - 1,
      verifications: [],
    };
  });
}

function grown(manifest: Manifest, startedAt: Date, index: number): Manifest {
  const seconds = 20 + index / 10 + (index % 5);
  const [child = { schema: "public", name: "t" }, parent = child] = manifest.tables;
  const key = `${child.name}.pid -> ${parent.name}.ogc_fid`;
  return {
    ...manifest,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date(startedAt.getTime() + seconds * 1000).toISOString(),
    tables: manifest.tables.map((table, number) => {
      const rows = Math.round(1000 * (20 - (number % 19)) * (1 + index / 100));
      return { ...table, rows, bytes: rows * (60 + number) };
    }),
    logicalForeignKeys: [
      {
        key,
        child: { schema: child.schema, name: child.name, column: "pid" },
        parent: { schema: parent.schema, name: parent.name, column: "ogc_fid" },
        orphans: 0,
      },
    ],
    verification: { level: index % 7 === 6 ? "restore" : "archive", seconds: 4.2 },
  };
}
