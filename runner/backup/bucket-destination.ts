import { type Manifest } from "../repository/manifest";
import type { BackupRequest } from "../request";
import { summarizeVersionIds } from "../request/result";
import { filesOf } from "../repository/backup-files";
import { onceOnly } from "../repository/checked-content";
import type { StoredFile } from "../repository/files";
import { greaterThan } from "../repository/newest";
import { openStore } from "../repository/open";
import { sealOf } from "../repository/checksums";
import type { IncomingBackup, Store } from "../repository/repository";
import { type Destination, type Draft, findEarlier, type Found, type Place } from "./destination";
import { claimId } from "../repository/backup-id";
import { manifestFile, sumsFile } from "../repository/layout";

/** A bucket: what `pg_dump` writes to its standard output goes there, and nothing of it to a disk of this machine. */
export function bucketDestination(request: BackupRequest, signal: AbortSignal): Destination {
  const { name, fileMode: mode } = request;
  const store = openStore(request, signal);
  const fileMode = Number.parseInt(mode, 8);
  let found: Found = { newest: undefined, ids: [] };
  return {
    stores: [store],
    format: "custom",
    async survey() {
      found = await findEarlier(store, name);
      return found.newest;
    },
    checkContainer: () => undefined,
    checkSpace: () => Promise.resolve(),
    begin: ({ mostBytes }) =>
      claimId(async (id, startedAt) => {
        if (await store.isTaken(name, id)) return undefined;
        const incoming = await store.receive({ name, id, bytes: mostBytes, fileMode });
        return draftIn(store, { name, id, startedAt, newerThan: greaterThan(id, found.ids) }, incoming);
      }),
  };
}

function draftIn(
  store: Store,
  {
    name,
    id,
    startedAt,
    newerThan,
  }: Pick<Draft, "id" | "startedAt" | "newerThan"> & { readonly name: string },
  incoming: IncomingBackup,
): Draft {
  const stored = filesOf(store, { name, id, location: bucketLocation(store, name, id) });
  const written: StoredFile[] = [];
  let bytes = 0;
  const write = async (file: string, content: AsyncIterable<Uint8Array>) => {
    written.push(
      await incoming.write(
        file,
        counted(content, (more) => (bytes += more)),
      ),
    );
  };
  return {
    id,
    startedAt,
    newerThan,
    stored,
    write: (file, content) => write(file, onceOnly(Buffer.from(content))),
    archive: (file) => ({ receive: (archive) => write(file, archive) }),
    bytes: () => Promise.resolve(bytes),
    files: () => Promise.resolve(written.toSorted((one, other) => (one.path < other.path ? -1 : 1))),
    publish: (manifest) => sealInBucket(incoming, stored.location, manifest),
    abandon: (error) => incoming.abandon(error),
  };
}

export const bucketLocation = (store: Store, name: string, id: string) => `${store.location}/${name}/${id}`;

/** Puts the checksums, and then the manifest, which makes it a backup. */
export async function sealInBucket(
  incoming: IncomingBackup,
  location: string,
  manifest: Manifest,
): Promise<Place> {
  const { source, sums } = sealOf(manifest);
  await incoming.write(sumsFile, onceOnly(Buffer.from(sums)));
  await incoming.write(manifestFile, onceOnly(Buffer.from(source)));
  const { versionIds } = await incoming.publish();
  return {
    location,
    manifest: `${location}/${manifestFile}`,
    ...(Object.keys(versionIds).length === 0
      ? {}
      : { versionIds: summarizeVersionIds(versionIds, manifestFile) }),
  };
}

async function* counted(content: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  for await (const chunk of content) {
    onBytes(chunk.length);
    yield chunk;
  }
}
