/** SHA256SUMS, the checksum of every file of a backup, for `sha256sum --check`; and content that is compared with it while it is read. */
import { createHash } from "node:crypto";
import { Failure, Failures } from "../lib/failure";
import { totalBytes } from "../lib/format";
import type { Progress } from "../lib/progress";
import { type Manifest, parseManifest } from "./manifest";
import type { BackupFiles, StoredFile } from "./files";
import { oddPath } from "./plain-paths";
import { manifestFile, sumsFile } from "./layout";

/** File names in a backup need no escaping: only pg_dump and this program choose them. */
function sumsText(files: readonly Pick<StoredFile, "path" | "sha256">[]): string {
  const lines = files.map(({ path, sha256 }) => `${sha256}  ${path}\n`);
  return lines.join("");
}

/** What makes files a backup: the manifest, and the checksums of all files, the manifest included. */
export interface BackupRecord {
  readonly manifest: Manifest;
  /** The text of the manifest, and the text of the checksums. */
  readonly source: Uint8Array;
  readonly sums: Uint8Array;
}

/** The record of a new backup. */
export function recordOf(manifest: Manifest): BackupRecord {
  const source = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const sha256 = createHash("sha256").update(source).digest("hex");
  return {
    manifest,
    source,
    sums: Buffer.from(sumsText([...manifest.files, { path: manifestFile, sha256 }])),
  };
}

/** Reads the manifest; fails unless it agrees with the checksums to the last bit. */
export async function readChecksums(files: BackupFiles): Promise<Manifest> {
  const source = await readWhole(files.read(manifestFile)).catch((error: unknown) => {
    throw error instanceof Failure && error.code === "checksum-mismatch"
      ? new Failure("manifest-unreadable", error.message)
      : error;
  });
  const { manifest } = parseRecord(source, await readWhole(files.read(sumsFile)), files.location);
  const odd = oddPath(manifest.files);
  if (odd !== undefined) throw new Failure("manifest-unreadable", `${files.location}: ${odd}. ${remedy}`);
  return manifest;
}

/** The same, for a manifest and checksums that were read already. */
export function parseRecord(source: Uint8Array, sums: Uint8Array, where: string): BackupRecord {
  const text = new TextDecoder();
  const { manifest, problem: unparsed } = parseManifest(text.decode(source));
  if (manifest === undefined) throw new Failure("manifest-unreadable", `${where}: ${unparsed}. ${remedy}`);
  const sha256 = createHash("sha256").update(source).digest("hex");
  const problem = findProblem(manifest, sha256, text.decode(sums));
  if (problem === undefined) return { manifest, source, sums };
  throw damaged(where, problem);
}

/** Says how the manifest, its own checksum and the text of the checksums contradict each other. */
function findProblem(manifest: Manifest, sha256: string, sums: string): string | undefined {
  const own = { path: manifestFile, sha256 };
  if (sums === sumsText([...manifest.files, own])) return undefined;
  return sums.endsWith(sumsText([own]))
    ? `${sumsFile} was changed after it was written`
    : `${manifestFile} does not have the checksum that ${sumsFile} records; one of the two is damaged`;
}

/**
 * Reads every file and compares its checksum. The files were forced to disk when they were first read, but Node cannot
 * bypass the system's cache: right after a backup this may only prove what memory holds, and not what the disk holds.
 */
export async function checkFiles(
  files: BackupFiles,
  recorded: readonly StoredFile[],
  signal: AbortSignal,
): Promise<void> {
  const problems: Failure[] = [];
  for (const file of recorded) {
    try {
      for await (const chunk of readChecked(files, file)) if (chunk.length > 0) signal.throwIfAborted();
    } catch (error) {
      if (!(error instanceof Failure && error.code === "checksum-mismatch")) throw error;
      problems.push(error);
    }
  }
  Failures.throwIfAny(problems);
}

/** Tells how much is read of the files of a backup while the work, which reads so many bytes of them, is done. */
export async function whileReading<T>(
  files: BackupFiles,
  toRead: readonly StoredFile[],
  progress: Progress,
  work: (files: BackupFiles) => Promise<T>,
): Promise<T> {
  let [current, bytes] = ["", 0];
  const counted = async function* (file: string) {
    current = file;
    for await (const chunk of files.read(file)) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  const stop = progress.follow(
    () => current,
    () => Promise.resolve(bytes),
    totalBytes(toRead),
  );
  try {
    return await work({ ...files, read: counted });
  } finally {
    stop();
  }
}

/** What the manifest records of a file. */
export function recordedFile({ files }: Pick<Manifest, "files">, file: string): StoredFile {
  const found = files.find(({ path }) => path === file);
  if (found === undefined)
    throw new Failure("manifest-unreadable", `The manifest does not name ${file}. ${remedy}`);
  return found;
}

/** The content of a file; fails at its end unless size and checksum are what the manifest records. */
export function readChecked(
  files: BackupFiles,
  recorded: StoredFile,
  onBytes?: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  const failure = (problem: string) => damaged(files.location, `${recorded.path} ${problem}`);
  return checkedContent(files.read(recorded.path), recorded, failure, onBytes);
}

/** The same for a file that is read more than once. */
export function streamedArchive(files: BackupFiles, recorded: StoredFile) {
  return { bytes: recorded.bytes, content: () => readChecked(files, recorded) };
}

const remedy = "Use another backup; this one is damaged.";

export function damaged(where: string, problem: string): Failure {
  return new Failure("checksum-mismatch", `${where}: ${problem}. ${remedy}`);
}

/** Passes on the content of a file; fails at its end unless size and checksum are what the manifest records. */
export async function* checkedContent(
  content: AsyncIterable<Uint8Array>,
  { bytes, sha256 }: StoredFile,
  failure: (problem: string) => Error,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array, void> {
  const measured = measuring(content);
  for await (const chunk of measured.content) {
    if (measured.bytes() > bytes) throw failure(`is longer than ${bytes} bytes`);
    onBytes(chunk.length);
    yield chunk;
  }
  const read = measured.read();
  if (read.bytes !== bytes) throw failure(`has ${read.bytes} bytes instead of ${bytes}`);
  if (read.sha256 !== sha256) throw failure("does not have the checksum that the manifest records");
}

interface Measured {
  readonly content: AsyncIterable<Uint8Array>;
  /** Bytes read so far. */
  bytes(): number;
  /** Size and checksum of all that was read. */
  read(): Pick<StoredFile, "bytes" | "sha256">;
}

/** Passes on the content of a file, and knows its size and checksum afterwards. */
export function measuring(content: AsyncIterable<Uint8Array>): Measured {
  const hash = createHash("sha256");
  let bytes = 0;
  const pass = async function* () {
    for await (const chunk of content) {
      bytes += chunk.length;
      hash.update(chunk);
      yield chunk;
    }
  };
  return { content: pass(), bytes: () => bytes, read: () => ({ bytes, sha256: hash.digest("hex") }) };
}

// eslint-disable-next-line @typescript-eslint/require-await -- the content is there already, but a pipeline needs an async iterable
export async function* onceOnly(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield chunk;
}

/** The largest possible manifest or SHA256SUMS. A larger file would fill the memory. */
const mostBytes = 1 << 28;

/** Reads a small file into memory. */
export async function readWhole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > mostBytes)
      throw new Failure(
        "manifest-unreadable",
        "A manifest or SHA256SUMS is larger than 256 MiB, so it is damaged.",
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
