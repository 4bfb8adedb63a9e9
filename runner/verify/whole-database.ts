/** Compares a restored database with what its backup says of all objects. */
import * as z from "zod";
import { Failure } from "../lib/failure";
import {
  compareObjects,
  DatabaseObject,
  type Differences,
  readDatabaseObjects,
} from "../postgres/catalog/database-objects";
import { type Session, withQualifiedNames } from "../postgres/session/session";
import { readChecked, readWhole, recordedFile } from "../repository/checksums";
import type { BackupFiles } from "../repository/files";
import type { Manifest } from "../repository/manifest";
import { objectsFile } from "../repository/layout";

interface Whole {
  readonly files: BackupFiles;
  readonly manifest: Pick<Manifest, "files">;
}

async function readObjects({ files, manifest }: Whole): Promise<DatabaseObject[]> {
  const content = await readWhole(readChecked(files, recordedFile(manifest, objectsFile)));
  const { success, data } = z.array(DatabaseObject).safeParse(parseJson(content.toString()));
  if (!success)
    throw new Failure("manifest-unreadable", `${files.location}: ${objectsFile} is no list of objects.`);
  return data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * How the objects of the session's database differ from those of the backup, a sentence each. If the server has another version,
 * only their names are compared.
 */
export async function compareWhole(
  session: Session,
  backup: Whole,
  options: { readonly sameVersion: boolean },
): Promise<Differences> {
  const recorded = await readObjects(backup);
  // Schemas that were left out are not there; all others must be in the backup.
  const found = await withQualifiedNames(session, () => readDatabaseObjects(session, []));
  return compareObjects(recorded, found, options);
}
