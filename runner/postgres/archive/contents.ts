import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import { spawnDocker } from "../../docker/docker";
import { execArguments, type ExecTarget, shell, streamTied } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import limitFiles from "./limit-files.sh";
import { dumpCommand, type DumpOptions } from "./dump";
import { asDirectory } from "./toc";
import { errorLines } from "../session/server";
import type { Snapshot } from "../session/snapshot";

/** The largest possible table of contents; a table usually takes some kilobytes. */
const baseBytes = 16 * 2 ** 20;
const bytesPerTable = 2 ** 16;

/** Whether a table of contents can be read in the container. pg_dump has no other folder for its temporary files. */
export async function canReadContents(target: ExecTarget): Promise<boolean> {
  const probe = execArguments({ ...target, secretEnv: [] }, ["test", "-w", temporaryFolder]);
  const { failed } = await spawnDocker(target.docker, probe, { reject: false });
  return !failed;
}

const temporaryFolder = "/tmp";

/**
 * The `toc.dat` that `pg_dump` writes for a directory archive of the snapshot, without the rows. What is no table takes so many
 * bytes in it at most.
 *
 * It is the first member of an archive in tar format, which according to its documentation is a directory archive in a tar
 * file. So pg_dump is ended when that member is read. pg_dump writes each member to /tmp first, and keeps the end of the first
 * one in a buffer until it goes on, or fails. So its files get a limit that a large table exceeds; this also keeps it
 * from filling the container's disk. The alternative, a second server with an empty copy of the schema, would need seconds of
 * CPU time for initdb, extensions and roles, and would have other oids.
 */
export async function readContents(
  target: ExecTarget,
  options: DumpOptions,
  snapshot: Snapshot,
  otherBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const blocks = (baseBytes + snapshot.tables.length * bytesPerTable + otherBytes) / 512;
  const enough = new AbortController();
  const dumping = dumpCommand({ ...options, format: "tar", compression: "none" }, snapshot, undefined);
  const command = shell(limitFiles, String(blocks), ...dumping);
  const { chunks, ended } = streamTied(target, command, AbortSignal.any([signal, enough.signal]));
  const end = () => {
    enough.abort();
    chunks.resume();
    return ended;
  };
  try {
    for await (const member of chunks.pipe(extract())) {
      if (member.header.name === "toc.dat") return asDirectory(await buffer(member));
      member.resume();
    }
    throw new Error("no table of contents");
  } catch (error) {
    signal.throwIfAborted();
    const words = errorLines((await end()).stderr);
    throw words === "" ? error : new Failure("dump-failed", `pg_dump failed: ${words}`);
  } finally {
    await end();
  }
}

/** A table of contents that is read while other work is done. */
export interface EarlyContents {
  /** Ends the reading when the signal aborts it. */
  read(signal: AbortSignal): Promise<Buffer>;
  /** Ends the reading, if it goes on. */
  close(): Promise<void>;
}

export function startContents(
  target: ExecTarget,
  options: DumpOptions,
  snapshot: Snapshot,
  otherBytes: number,
  signal: AbortSignal,
): EarlyContents {
  const unwanted = new AbortController();
  const end = () => {
    unwanted.abort();
  };
  const reading = readContents(
    target,
    options,
    snapshot,
    otherBytes,
    AbortSignal.any([signal, unwanted.signal]),
  );
  // A failure is for whoever wants the contents.
  reading.catch(() => undefined);
  return {
    read: (either) => {
      if (either.aborted) end();
      else either.addEventListener("abort", end, { once: true });
      return reading;
    },
    close: async () => {
      end();
      await reading.catch(() => undefined);
    },
  };
}
