import type { BackupRequest } from "../request";
import { filesOf } from "../repository/backup-files";
import { onceOnly } from "../repository/checked-content";
import type { StoredFile } from "../repository/files";
import { greaterThan } from "../repository/newest";
import type { IncomingBackup, Store } from "../repository/repository";
import { type Destination, type Draft, findEarlier, type Found, type IsTaken } from "./destination";
import { sealIn } from "../transfer";
import { claimId } from "../repository/backup-id";

/** A bucket: what `pg_dump` writes to its standard output goes there, and nothing of it to a disk of this machine. */
export function bucketDestination(request: BackupRequest, store: Store, isTaken: IsTaken): Destination {
  const { name, fileMode: mode } = request;
  const fileMode = Number.parseInt(mode, 8);
  let found: Found = { newest: undefined, ids: [] };
  return {
    store,
    format: "custom",
    async survey() {
      found = await findEarlier(store, name);
      return found.newest;
    },
    checkContainer: () => undefined,
    checkSpace: () => Promise.resolve(),
    begin: ({ mostBytes }) =>
      claimId(async (id, startedAt) => {
        if ((await store.isTaken(name, id)) || (await isTaken(id))) return undefined;
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
    publish: async (manifest) => (await sealIn(incoming, stored.location, manifest)).place,
    abandon: (error) => incoming.abandon(error),
  };
}

const bucketLocation = (store: Store, name: string, id: string) => `${store.location}/${name}/${id}`;

async function* counted(content: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  for await (const chunk of content) {
    onBytes(chunk.length);
    yield chunk;
  }
}
