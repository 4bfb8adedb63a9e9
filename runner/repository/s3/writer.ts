/** Writes a backup to a bucket. The manifest is written last, because it makes the files a backup. */
import { randomUUID } from "node:crypto";
import pMap, { pMapSkip } from "p-map";
import { Failure } from "../../lib/failure";
import { checkedContent, damaged, measuring, onceOnly } from "../checksums";
import type { BackupFiles, StoredFile } from "../files";
import { failUnlessPlain } from "../plain-paths";
import { alreadyExists, type BackupWriter, type NewBackup, NotShared } from "../repository";
import type { Bucket } from "./client";
import { CannotCopy, copyObject } from "./copy";
import { answered, maybeDone, RequestFailure, taken } from "./failures";
import { s3Url } from "../../request/location";
import { deleteObjects, headObject, listObjects, readObject } from "./objects";
import { partBuffers } from "./parts";
import { abortUpload, type ObjectOptions, type OpenUploads, upload } from "./upload";
import { manifestFile, sumsFile } from "../layout";

/** Time limit for cleaning up, also after an interruption. */
const cleanUpMilliseconds = 10_000;
/** Time limit for finding out whether a request was done whose answer was lost. */
const lookMilliseconds = 60_000;

/** Number of objects that are looked at at once. */
const looksAtOnce = 8;

/** Metadata of each object that a run writes. With it, a run recognises its own objects when an answer was lost. */
const runKey = "postgis-backup-run";

/** `prefixOf` gives the prefix of the files of each backup of the name, by its id. */
export async function createInBucket(
  bucket: Bucket,
  prefixOf: (id: string) => string,
  files: BackupFiles,
  { id, mostBytes }: NewBackup,
): Promise<BackupWriter> {
  const prefix = prefixOf(id);
  const url = s3Url(bucket, prefix);
  const failed = new AbortController();
  const working = { ...bucket, signal: AbortSignal.any([bucket.signal, failed.signal]) };
  const buffers = partBuffers(mostBytes, bucket.maxParts);
  const open: OpenUploads = new Set();
  const pending = new Set<Promise<unknown>>();
  /** Files that this run wrote, with their versions; without files that it found. */
  const written = new Map<string, string | undefined>();
  /** Files that this run may have written: the answer is pending or was lost. */
  const uncertain = new Set<string>();
  /** Files whose last request was made, whatever came of it. */
  const committed = new Set<string>();
  const metadata = { [runKey]: randomUUID() };
  const stored = new Map<string, StoredFile>();
  let bytes = 0;
  let isPublished = false;

  const store = async (
    file: string,
    send: (object: ObjectOptions) => Promise<string | undefined>,
    read: () => Pick<StoredFile, "bytes" | "sha256">,
  ): Promise<StoredFile> => {
    try {
      const onCommit = () => {
        uncertain.add(file);
        committed.add(file);
      };
      settle(file, await send({ metadata, onCommit }));
      return { path: file, ...read() };
    } catch (error) {
      if (!maybeDone(error)) throw error;
      if (uncertain.has(file) && (await findOwn(within(working, lookMilliseconds), file)))
        return { path: file, ...read() };
      if (!answered(error, ...taken)) throw error;
      const own = { path: file, ...read() };
      const isThere = await isSame(working, prefix + file, own);
      if (isThere === undefined) throw error;
      // An earlier run left it when it was interrupted; or this run wrote it, and the answer was lost.
      if (isThere) return own;
      throw alreadyExists(url);
    }
  };
  const storeContent = (file: string, content: AsyncIterable<Uint8Array>, recorded?: StoredFile) => {
    const measured = recorded === undefined ? measuring(content) : { content, read: () => recorded };
    const sent = counted(measured.content, (more) => (bytes += more));
    const send = (object: ObjectOptions) => upload(working, prefix + file, sent, buffers, open, object);
    return store(file, send, () => measured.read());
  };

  /** Why the server does not copy objects. */
  let cannotCopy: string | undefined;
  const copy = async (file: string, from: string, recorded: StoredFile): Promise<StoredFile> => {
    const content = () => readSource(working, from, recorded);
    const send = (object: ObjectOptions) => {
      const copied = { from, to: prefix + file, bytes: recorded.bytes, content: content() };
      return copyObject(working, copied, open, object);
    };
    try {
      if (cannotCopy === undefined) return await store(file, send, () => recorded);
    } catch (error) {
      if (!(error instanceof CannotCopy)) throw error;
      cannotCopy = error.message;
    }
    return storeContent(file, content(), recorded);
  };

  const settle = (file: string, version: string | undefined) => {
    written.set(file, version);
    uncertain.delete(file);
  };
  /** Whether this run has written a file after all. If the server does not answer, the file stays uncertain. */
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

  /** The written files that another run has overwritten or removed, which it can only where writes have no condition. */
  const findLost = async (from: Bucket): Promise<string[]> => {
    if (from.conditionalWrites) return [];
    const lost = async (file: string) => {
      const head = await headObject(from, prefix + file);
      return head?.Metadata?.[runKey] === metadata[runKey] ? pMapSkip : file;
    };
    return pMap(written.keys(), lost, { concurrency: looksAtOnce });
  };
  const expectAllThere = async (files: readonly StoredFile[]) => {
    await expectAll(working, prefix, files);
    const lost = new Set(await findLost(working));
    for (const file of files.filter(({ path }) => lost.has(path))) {
      if ((await isSame(working, prefix + file.path, file)) !== true)
        throw overwritten(s3Url(bucket, prefix + file.path));
      // The other run takes the same backup, and relies on it.
      written.delete(file.path);
    }
  };

  const abortOpen = (from: Bucket) =>
    Promise.allSettled([...open].map((one) => abortUpload(from, one).then(() => open.delete(one))));

  if ((await listObjects(working, prefix + manifestFile)).length > 0) throw alreadyExists(url);
  const keep = async (file: string, begin: () => Promise<StoredFile>) => {
    failUnlessPlain(file);
    if (stored.has(file)) throw new Error(`${file} was written already`);
    const storing = begin();
    pending.add(storing);
    try {
      stored.set(file, { ...(await storing), path: file });
    } finally {
      pending.delete(storing);
    }
  };
  const write: BackupWriter["write"] = (file, content, recorded) =>
    keep(file, () => storeContent(file, content, recorded));
  return {
    files,
    write,
    async copyFrom(other, recorded, file) {
      try {
        await keep(file, () => copy(file, prefixOf(other) + recorded.path, recorded));
        return cannotCopy;
      } catch (error) {
        // A copy that appears late would be taken for what is written instead.
        if (committed.has(file) || working.signal.aborted || !(error instanceof Failure)) throw error;
        throw new NotShared(error.code, error.message);
      }
    },
    bytes: () => Promise.resolve(bytes),
    checksums: () =>
      Promise.resolve([...stored.values()].sort((one, other) => (one.path < other.path ? -1 : 1))),
    async publish({ source, sums }, signal) {
      await write(sumsFile, onceOnly(sums));
      await expectAllThere([...stored.values()]);
      signal.throwIfAborted();
      const manifest = await storeContent(manifestFile, onceOnly(source));
      // From here on it is a backup. A missing file fails it, but a server that does not answer does not.
      await expectAllThere([...stored.values(), manifest]).catch((error: unknown) => {
        if (!(error instanceof RequestFailure) && !working.signal.aborted) throw error;
      });
      isPublished = true;
      // Uploads of files that existed already are still open.
      await abortOpen(working);
      const versions = [...written].filter((entry): entry is [string, string] => entry[1] !== undefined);
      return { location: url, versionIds: Object.fromEntries(versions), notes: [] };
    },
    async abandon(error) {
      if (isPublished) return error;
      failed.abort();
      await Promise.allSettled(pending);
      const cleaning = { ...bucket, signal: AbortSignal.timeout(cleanUpMilliseconds) };
      for (const file of uncertain) await findOwn(cleaning, file);
      await removeWritten(cleaning, prefix, written, findLost).then(
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
          ? [`It may still be in ${url} as a complete backup: check with "postgis-backup list".`]
          : []),
        ...(open.size === 0 ? [] : [partsLeft(url)]),
      ];
      return rest.length === 0 ? error : withRest(why, rest);
    },
  };
}

/** An object of an earlier backup; fails with `checksum-mismatch` if it is not what that recorded. */
async function* readSource(bucket: Bucket, key: string, recorded: StoredFile): AsyncGenerator<Uint8Array> {
  const failure = (problem: string) => damaged(s3Url(bucket, key), problem);
  const content = await readObject(bucket, key);
  if (content === undefined) throw failure("is missing");
  yield* checkedContent(content, recorded, failure);
}

async function* counted(content: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  for await (const chunk of content) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** Whether an object has this content; undefined if it does not exist. The object is read, because not every server keeps checksums. */
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
    `${s3Url(bucket, prefix + lost.path)} was uploaded, but is missing or has another size: somebody else removes or overwrites objects there. Find out who does, and try again.`,
  );
}

/**
 * Deletes what this run wrote. If other files are there too, another run may rely on all of them, so nothing is deleted. But a
 * manifest of this run is, where files that it lists were overwritten: nobody else relies on it.
 */
async function removeWritten(
  bucket: Bucket,
  prefix: string,
  written: ReadonlyMap<string, unknown>,
  findLost: (bucket: Bucket) => Promise<readonly string[]>,
): Promise<void> {
  const there = (await listObjects(bucket, prefix)).map(({ path }) => path);
  const lost = await findLost(bucket);
  const isOwn = (path: string) => written.has(path) && !lost.includes(path);
  if (lost.length > 0 && isOwn(manifestFile)) await deleteObjects(bucket, [prefix + manifestFile]);
  if (!there.every(isOwn)) return;
  // The manifest is deleted first: without it, the rest is not a backup.
  const last = there.filter((path) => path !== manifestFile);
  if (last.length < there.length) await deleteObjects(bucket, [prefix + manifestFile]);
  await deleteObjects(
    bucket,
    last.map((path) => prefix + path),
  );
}

function overwritten(url: string): Failure {
  return new Failure(
    "s3-failed",
    `${url} was overwritten by another run, which writes another backup of the same name and time. Take another backup, and verify that one.`,
  );
}

function within(bucket: Bucket, milliseconds: number): Bucket {
  return { ...bucket, signal: AbortSignal.any([bucket.signal, AbortSignal.timeout(milliseconds)]) };
}

function partsLeft(url: string): string {
  return `Parts of an upload are left below ${url}. Only "aws s3api abort-multipart-upload" or a lifecycle rule of the bucket removes them.`;
}

function withRest(error: unknown, rest: readonly string[]): unknown {
  if (!(error instanceof Failure)) return error;
  return new Failure(error.code, [error.message, ...rest].join(" "));
}
