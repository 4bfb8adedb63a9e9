import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import { execTied, type ExecTarget } from "../docker/exec";
import { startThrowaway, type ThrowawayOptions } from "../docker/throwaway";
import { Failure } from "../failure";
import { dumpCommand, type DumpOptions } from "./dump";
import { errorLines } from "./server";
import type { Snapshot } from "./snapshot";

/** What the table of contents can take: it is some kilobytes a table. */
const baseBytes = 16 * 2 ** 20;
const bytesPerTable = 2 ** 16;

/**
 * The `toc.dat` of a directory archive of these tables, as `pg_dump` writes it, without their rows.
 *
 * It is the first member of an archive in tar format, which is by its documentation a directory archive in a tar file;
 * whose rows may be compressed by other programs. So pg_dump is ended when that member is read. It keeps a member in
 * /tmp before it writes it, and the end of the first one in a buffer until it writes on, or fails: hence a container
 * of its own, in the network of the server's, whose /tmp is in memory and too small for a large table. A second server with an
 * empty copy of the schema would need seconds of CPU time for initdb, extensions and roles, and would have other oids.
 */
export async function readContents(
  target: ExecTarget,
  { image, purpose }: Pick<ThrowawayOptions, "image" | "purpose">,
  options: DumpOptions,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<Buffer> {
  const bytes = baseBytes + snapshot.tables.length * bytesPerTable;
  const throwaway = await startThrowaway(
    target.docker,
    {
      image,
      purpose,
      env: {},
      network: `container:${target.container}`,
      options: ["--tmpfs", `/tmp:size=${bytes}`],
      command: ["sleep", "infinity"],
    },
    signal,
  );
  try {
    return await dumpContents({ ...target, container: throwaway.name }, options, snapshot, signal);
  } finally {
    await throwaway.close();
  }
}

async function dumpContents(
  target: ExecTarget,
  options: DumpOptions,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<Buffer> {
  const enough = new AbortController();
  const command = dumpCommand({ ...options, format: "tar", compression: "none" }, snapshot, undefined);
  const dump = execTied(target, command, AbortSignal.any([signal, enough.signal]), {
    stdout: "pipe",
    stderr: "pipe",
    buffer: { stdout: false },
    reject: false,
  });
  const end = () => {
    enough.abort();
    dump.stdout.resume();
    return dump;
  };
  try {
    for await (const member of dump.stdout.pipe(extract())) {
      if (member.header.name === "toc.dat") return await buffer(member);
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
