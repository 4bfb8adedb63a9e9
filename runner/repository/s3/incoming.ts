/** A backup on its way into a bucket: its manifest, which makes it one, is written when all else is there. */
import { randomUUID } from "node:crypto";
import { Failure } from "../../lib/failure";
import { measuring, onceOnly, readWhole } from "../checked-content";
import type { StoredFile } from "../files";
import { alreadyExists, type Arrival, type IncomingBackup } from "../repository";
import type { Bucket } from "./client";
import { answered, maybeDone, RequestFailure, taken } from "./failures";
import { s3Url } from "../../request/location";
import { deleteObjects, headObject, listObjects, readObject } from "./objects";
import { partBuffers } from "./parts";
import { abortUpload, type OpenUploads, upload } from "./upload";
import { manifestFile } from "../layout";

/** Time that there is to clean up, also after an interruption. */
const cleanUpMilliseconds = 10_000;
/** Time in which a server that did not answer to a request must tell whether it was done. */
const lookMilliseconds = 60_000;

/** In the metadata of each object that a run writes: by it the run knows its own, where the answer to a request was lost. */
const runKey = "postgis-backup-run";

export async function receiveInto(
  bucket: Bucket,
  prefix: string,
  { bytes }: Arrival,
): Promise<IncomingBackup> {
  const url = s3Url(bucket, prefix);
  const failed = new AbortController();
  const working = { ...bucket, signal: AbortSignal.any([bucket.signal, failed.signal]) };
  const buffers = partBuffers(bytes);
  const open: OpenUploads = new Set();
  const pending = new Set<Promise<unknown>>();
  /** That this run wrote, with their versions; not those that it found. */
  const written = new Map<string, string | undefined>();
  /** That this run may have written: the answer has not come, or was none. */
  const uncertain = new Set<string>();
  const metadata = { [runKey]: randomUUID() };
  const stored = new Map<string, StoredFile>();
  let manifest: Buffer | undefined;

  const store = async (file: string, content: AsyncIterable<Uint8Array>): Promise<StoredFile> => {
    const measured = measuring(content);
    try {
      const onCommit = () => uncertain.add(file);
      const version = await upload(working, prefix + file, measured.content, buffers, open, {
        metadata,
        onCommit,
      });
      settle(file, version);
      return { path: file, ...measured.read() };
    } catch (error) {
      if (!maybeDone(error)) throw error;
      if (uncertain.has(file) && (await findOwn(within(working, lookMilliseconds), file)))
        return { path: file, ...measured.read() };
      if (!answered(error, ...taken)) throw error;
      const own = { path: file, ...measured.read() };
      const isThere = await isSame(working, prefix + file, own);
      if (isThere === undefined) throw error;
      // An earlier run that was cut off left it; or it is this one's, and the answer was lost.
      if (isThere) return own;
      throw alreadyExists(url);
    }
  };

  const settle = (file: string, version: string | undefined) => {
    written.set(file, version);
    uncertain.delete(file);
  };
  /** Whether this run has written a file after all; one of which the server does not tell stays uncertain. */
  const findOwn = async (from: Bucket, file: string): Promise<boolean> => {
    const head = await headObject(from, prefix + file).catch(() => "unknown" as const);
    if (head === "unknown") return false;
    if (head?.Metadata?.[runKey] !== metadata[runKey]) {
      uncertain.delete(file);
      return false;
    }
    settle(file, head.VersionId);
    return true;
  };

  const abortOpen = (from: Bucket) =>
    Promise.allSettled([...open].map((one) => abortUpload(from, one).then(() => open.delete(one))));

  if ((await listObjects(working, prefix + manifestFile)).length > 0) throw alreadyExists(url);
  return {
    async write(file, content) {
      if (stored.has(file)) throw new Error(`${file} was written already`);
      if (file === manifestFile) {
        const measured = measuring(content);
        manifest = await readWhole(measured.content);
        return { path: file, ...measured.read() };
      }
      const storing = store(file, content);
      pending.add(storing);
      try {
        const result = await storing;
        stored.set(file, result);
        return result;
      } finally {
        pending.delete(storing);
      }
    },
    async publish() {
      if (manifest === undefined) throw new Error("a backup without a manifest was to be published");
      await expectAll(working, prefix, [...stored.values()]);
      await store(manifestFile, onceOnly(manifest));
      // From here on it is a backup: only what is missing makes it none, and not that the server does not say.
      await expectAll(working, prefix, [...stored.values()]).catch((error: unknown) => {
        if (!(error instanceof RequestFailure) && !working.signal.aborted) throw error;
      });
      // Of files that were there already.
      await abortOpen(working);
      const versions = [...written].filter((entry): entry is [string, string] => entry[1] !== undefined);
      return { versionIds: Object.fromEntries(versions) };
    },
    async abandon(error) {
      failed.abort();
      await Promise.allSettled(pending);
      const cleaning = { ...bucket, signal: AbortSignal.timeout(cleanUpMilliseconds) };
      for (const file of uncertain) await findOwn(cleaning, file);
      await removeWritten(cleaning, prefix, written).then(
        () => {
          written.clear();
        },
        () => undefined,
      );
      await abortOpen(cleaning);
      const why = bucket.signal.aborted ? (bucket.signal.reason as unknown) : error;
      const mayCount = written.has(manifestFile) || uncertain.has(manifestFile);
      const rest = [
        ...(mayCount
          ? [`All of it may be in ${url} nevertheless, as a complete backup: "postgis-backup list" tells.`]
          : []),
        ...(open.size === 0 ? [] : [partsLeft(url)]),
      ];
      return rest.length === 0 ? error : withRest(why, rest);
    },
  };
}

/** Whether an object is what was read, if there is one; not by what the server says of it, which not every server does. */
async function isSame(
  bucket: Bucket,
  key: string,
  { bytes, sha256 }: StoredFile,
): Promise<boolean | undefined> {
  const content = await readObject(bucket, key);
  if (content === undefined) return undefined;
  const measured = measuring(content);
  for await (const chunk of measured.content) if (chunk.length > 0 && measured.bytes() > bytes) return false;
  const there = measured.read();
  return there.bytes === bytes && there.sha256 === sha256;
}

async function expectAll(bucket: Bucket, prefix: string, files: readonly StoredFile[]): Promise<void> {
  const there = new Map((await listObjects(bucket, prefix)).map(({ path, bytes }) => [path, bytes]));
  const lost = files.find(({ path, bytes }) => there.get(path) !== bytes);
  if (lost === undefined) return;
  throw new Failure(
    "s3-failed",
    `${s3Url(bucket, prefix + lost.path)} was uploaded, but is not there in its size: somebody else removes objects there, or overwrites them. See who does, and try again.`,
  );
}

/** Where this run may delete. What it did not write is of another run, which may rely on the rest. */
async function removeWritten(
  bucket: Bucket,
  prefix: string,
  written: ReadonlyMap<string, unknown>,
): Promise<void> {
  const there = (await listObjects(bucket, prefix)).map(({ path }) => path);
  if (there.some((path) => !written.has(path))) return;
  // Without the manifest, what is left of it is no backup.
  const last = there.filter((path) => path !== manifestFile);
  if (last.length < there.length) await deleteObjects(bucket, [prefix + manifestFile]);
  await deleteObjects(
    bucket,
    last.map((path) => prefix + path),
  );
}

function within(bucket: Bucket, milliseconds: number): Bucket {
  return { ...bucket, signal: AbortSignal.any([bucket.signal, AbortSignal.timeout(milliseconds)]) };
}

function partsLeft(url: string): string {
  return `Parts of an upload are left below ${url}, which only "aws s3api abort-multipart-upload" or a lifecycle rule of the bucket removes.`;
}

function withRest(error: unknown, rest: readonly string[]): unknown {
  if (!(error instanceof Failure)) return error;
  return new Failure(error.code, [error.message, ...rest].join(" "));
}
