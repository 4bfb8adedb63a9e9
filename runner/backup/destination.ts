/** Where `pg_dump` writes the archive of a backup. */
import path from "node:path";
import { type Inspection, pathInContainer } from "../docker/container";
import { spawnDocker } from "../docker/docker";
import { callerIds, execArguments, type ExecTarget } from "../docker/exec";
import { archiveName, suffixOf } from "../postgres/archive/compression";
import type { DumpDestination } from "../postgres/archive/dump";
import { type ArchiveFile, splitArchive, tocFile } from "../postgres/archive/split-archive";
import type { BackupWriter } from "../repository/repository";
import type { ArchiveFormat } from "../request";

interface ArchiveKind {
  readonly format: ArchiveFormat;
  readonly compression: string;
}

/** Makes the files of a directory archive out of a custom archive. */
interface SplitDestination {
  /** If the table of contents of more tables is given, it is that of the archive, and names the files. */
  receive(archive: AsyncIterable<Uint8Array>, contents?: Buffer): Promise<unknown>;
  /** Where no table is left to dump. */
  writeContents(contents: Buffer): Promise<unknown>;
}

export type Destination = DumpDestination | SplitDestination;

export function isSplit(destination: Destination): destination is SplitDestination {
  return "writeContents" in destination;
}

/** In a bucket, `pg_dump` cannot write the files of an archive. */
export function mustSplit({ files }: Pick<BackupWriter, "files">, format: ArchiveFormat): boolean {
  return format === "directory" && files.folder === undefined;
}

/** `pg_dump` writes into the folder if the container sees it; otherwise the archive is streamed out. */
export function destinationOf(
  writer: BackupWriter,
  folder: string | undefined,
  { format, compression }: ArchiveKind,
): Destination {
  const archive = archiveName(format, compression);
  const hostFolder = writer.files.folder;
  if (mustSplit(writer, format)) {
    const suffix = suffixOf(compression);
    return {
      receive: (chunks: AsyncIterable<Uint8Array>, contents) =>
        writeFiles(writer, archive, splitArchive(chunks, suffix, contents)),
      writeContents: (contents: Buffer) => writeFiles(writer, archive, [tocFile(contents)]),
    } satisfies SplitDestination;
  }
  if (folder === undefined || hostFolder === undefined)
    return { receive: (chunks: AsyncIterable<Uint8Array>) => writer.write(archive, chunks) };
  return {
    containerPath: path.posix.join(folder, archive),
    hostPath: path.join(hostFolder, archive),
    user: callerIds(),
  };
}

/**
 * Writes the files one after the other. As soon as the content of one was received, the next one begins; the writer has few buffers,
 * so that only some files are on their way at a time.
 */
async function writeFiles(
  writer: Pick<BackupWriter, "write">,
  archive: string,
  files: AsyncIterable<ArchiveFile> | Iterable<ArchiveFile>,
): Promise<void> {
  const writing: Promise<void>[] = [];
  const failures: unknown[] = [];
  for await (const { name, content } of files) {
    let received: () => void = () => undefined;
    const isReceived = new Promise<void>((resolve) => (received = resolve));
    const noticed = async function* () {
      for await (const chunk of content) {
        if (failures.length > 0) throw failures[0];
        yield chunk;
      }
      received();
    };
    const written = writer.write(path.posix.join(archive, name), noticed());
    written.catch((error: unknown) => failures.push(error));
    writing.push(written);
    await Promise.race([isReceived, written]);
  }
  await Promise.all(writing);
}

/**
 * The folder of the backup as the container sees it; undefined if it does not. If the daemon is remote, a mount of the same
 * path can belong to another machine; so the caller must be able to write the folder, which was made just now.
 */
export async function folderInContainer(
  container: Inspection,
  target: ExecTarget,
  folder: string | undefined,
): Promise<string | undefined> {
  const candidate = folder && pathInContainer(container, folder);
  if (candidate === undefined) return undefined;
  const probe = execArguments(target, ["test", "-w", candidate], callerIds());
  const { failed } = await spawnDocker(target.docker, probe, { reject: false });
  return failed ? undefined : candidate;
}
