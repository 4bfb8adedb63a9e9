/** Where the archive is read: in the target's container, or else in a throwaway one that has a pg_restore which can. */
import path from "node:path";
import type { Readable } from "node:stream";
import { startBackupContainer } from "../docker/backup-container";
import { pathInContainer } from "../docker/container";
import { dockerFailure, spawnDocker } from "../docker/docker";
import { callerIds, execArguments, execTied, type ExecTarget } from "../docker/exec";
import { Failure } from "../failure";
import { type ContainerFile, listArchive } from "../postgres/archive";
import { readDecompressed } from "../postgres/decompress";
import { majorVersion } from "../postgres/facts";
import { endedWith, errorLines } from "../postgres/server";
import { archiveName } from "../restore-command";
import { hashFile } from "../store/files";
import { sumsFile } from "../store/seal";
import type { RestoreRun } from "./run";

export interface Reader {
  /** Set where the target's own pg_restore reads a folder, and so can load it by itself. */
  readonly inTarget: ContainerFile | undefined;
  /** The table of contents, a line each entry; none for a script. */
  readonly entries: readonly string[];
  /** The script that these entries make; of a plain archive, all of it. */
  script(entries: readonly string[], signal: AbortSignal): Promise<Script>;
  close(): Promise<void>;
}

export interface Script {
  readonly chunks: Readable;
  /** Fails where the reading did. */
  readonly ended: Promise<void>;
}

export async function openReader(run: RestoreRun): Promise<Reader> {
  const { manifest, folder, signal, names } = run;
  const archive = archiveName(manifest.format, manifest.compression);
  if (manifest.format === "plain") return plainReader(path.join(folder, archive));
  const mounted = await archiveInTarget(run, archive);
  if (mounted !== undefined) {
    const target = { ...run.target, secretEnv: [] };
    const close = () => Promise.resolve();
    const inTarget = manifest.format === "directory" ? mounted : undefined;
    return archiveReader({ target, file: mounted, work: names.workFolder, inTarget, close }, signal);
  }
  const { docker } = run.target;
  const image = canRead(run) ? run.container.Image : manifest.source.imageDigest;
  const container = await startBackupContainer(docker, { image, folder }, signal);
  try {
    const target = { docker, container: container.name, env: { LC_ALL: "C" }, secretEnv: [] };
    const file = { path: path.posix.join(container.folder, archive), user: container.user };
    const close = () => container.close();
    return await archiveReader({ target, file, work: "/tmp", inTarget: undefined, close }, signal);
  } catch (error) {
    await container.close();
    throw error;
  }
}

/** An archive of a newer pg_dump, or compressed by a method that it lacks, is nothing for the target's pg_restore. */
function canRead({ tools, manifest }: RestoreRun): boolean {
  return tools.major >= majorVersion(manifest.pgDumpVersion) && tools.compresses;
}

async function archiveInTarget(run: RestoreRun, archive: string): Promise<ContainerFile | undefined> {
  const file = pathInContainer(run.container, path.join(run.folder, archive), "read");
  if (file === undefined || !canRead(run)) return undefined;
  // A mount of the same path can belong to another machine, when the daemon is remote.
  const sums = path.posix.join(path.posix.dirname(file), sumsFile);
  const probe = execArguments(run.target, ["sha256sum", sums], callerIds());
  const { failed, stdout } = await spawnDocker(run.target.docker, probe, { reject: false });
  const same = !failed && stdout.startsWith(await hashFile(path.join(run.folder, sumsFile)));
  return same ? { path: file, user: callerIds() } : undefined;
}

function plainReader(file: string): Reader {
  return {
    inTarget: undefined,
    entries: [],
    script: (_, signal) =>
      Promise.resolve({ chunks: readDecompressed(file, signal), ended: Promise.resolve() }),
    close: () => Promise.resolve(),
  };
}

interface Place {
  readonly target: ExecTarget;
  readonly file: ContainerFile;
  /** Folder for lists of entries. */
  readonly work: string;
  readonly inTarget: ContainerFile | undefined;
  readonly close: () => Promise<void>;
}

const writeFile = 'umask 077; cat >"$1"';

async function archiveReader(
  { target, file, work, inTarget, close }: Place,
  signal: AbortSignal,
): Promise<Reader> {
  const contents = await listArchive(target, file, signal);
  const entries = contents.split("\n").filter((line) => /^\d+; /.test(line));
  let lists = 0;
  const script: Reader["script"] = async (wanted, until) => {
    const list = path.posix.join(work, `list_${++lists}`);
    const write = execArguments(target, ["sh", "-c", writeFile, "sh", list], file.user);
    try {
      await spawnDocker(target.docker, write, { input: wanted.map((line) => `${line}\n`).join("") });
    } catch (error) {
      throw dockerFailure(error);
    }
    return startReading(target, file, list, until);
  };
  return { inTarget, entries, script, close };
}

function startReading(
  target: ExecTarget,
  { path: archive, user }: ContainerFile,
  list: string,
  signal: AbortSignal,
): Script {
  const command = ["pg_restore", "--no-tablespaces", `--use-list=${list}`, "--file=-", archive];
  const reading = execTied(target, command, signal, {
    user,
    stdout: "pipe",
    buffer: { stdout: false },
    reject: false,
  });
  const ended = (async () => {
    const { failed, stderr, exitCode } = await reading;
    signal.throwIfAborted();
    if (!failed) return;
    const said = errorLines(stderr) || endedWith(exitCode);
    throw new Failure("restore-failed", `The archive cannot be read: pg_restore: ${said}`);
  })();
  // Whoever reads the script asks for its end later.
  ended.catch(() => undefined);
  return { chunks: reading.stdout, ended };
}
