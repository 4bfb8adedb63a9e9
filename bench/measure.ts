import { mkdir, rm } from "node:fs/promises";
import { execa } from "execa";
import { bytesBelow } from "../runner/repository/files";
import { sql } from "../test/support/resources";
import { followMemory, writableLayerBytes } from "./container-usage";
import { commandsCpu, machineCpu } from "./host-usage";
import { runCommands } from "./run-commands";
import type { Fixture } from "./fixture";
import { filesBelow, newBytes } from "./new-bytes";
import type { Contender } from "./contender";

/** The cost of one run of a contender, in seconds and bytes. */
export interface Measurement {
  readonly seconds: number;
  /** All processes in the database's container. */
  readonly containerCpuSeconds: number;
  /** The commands on this machine. */
  readonly commandsCpuSeconds: number;
  /** The whole machine: the two above, other containers, the Docker daemon, and all else. */
  readonly machineCpuSeconds: number;
  /** Growth of the container's own file system, and temporary files of the server's queries. */
  readonly containerBytes: number;
  /** Bytes that the server wrote to its write-ahead log. */
  readonly walBytes: number;
  /** Size of the output folder on this machine, or what was newly written to the repository. */
  readonly outputBytes: number;
  /** Peak memory of the largest command on this machine. */
  readonly commandPeakBytes: number;
  /** Peak memory of the processes in the database's container, with shared buffers. */
  readonly containerPeakBytes: number;
}

export async function measure(fixture: Fixture, contender: Contender): Promise<Measurement> {
  if (contender.output !== undefined) await mkdir(contender.output, { recursive: true });
  await contender.prepare?.();
  try {
    return await measureCommands(fixture, contender);
  } finally {
    await contender.clean?.();
    if (contender.output !== undefined) await rm(contender.output, { recursive: true, force: true });
  }
}

async function measureCommands(fixture: Fixture, contender: Contender): Promise<Measurement> {
  await settle(fixture);
  const outputBytes = await followOutput(fixture, contender);
  const writtenBefore = await readWritten(fixture);
  const memory = followMemory(fixture.group);
  try {
    const cpuBefore = await readCpu(fixture);
    const { seconds, peakBytes } = await runCommands(contender.commands, fixture.signal);
    const cpu = await readCpu(fixture);
    const written = await readWritten(fixture);
    return {
      seconds,
      containerCpuSeconds: cpu.container - cpuBefore.container,
      commandsCpuSeconds: cpu.commands - cpuBefore.commands,
      machineCpuSeconds: cpu.machine - cpuBefore.machine,
      containerBytes: written.layer + written.temporary - writtenBefore.layer - writtenBefore.temporary,
      walBytes: written.wal - writtenBefore.wal,
      outputBytes: await outputBytes(),
      commandPeakBytes: await peakBytes,
      containerPeakBytes: await memory.stop(),
    };
  } finally {
    await memory.stop().catch(() => undefined);
  }
}

/** Called before the commands. Returns what tells afterwards how many bytes they wrote. */
async function followOutput(
  fixture: Fixture,
  { output, repository }: Contender,
): Promise<() => Promise<number>> {
  if (repository !== undefined) {
    const before = await filesBelow(fixture, repository);
    return async () => newBytes(before, await filesBelow(fixture, repository));
  }
  return () => (output === undefined ? Promise.resolve(0) : bytesBelow(output));
}

/** Writes to disk what the previous contender left in memory, so that the next one does not pay for it. */
async function settle({ container }: Fixture): Promise<void> {
  await sql(container, "CHECKPOINT");
  await execa("sync");
}

async function readWritten({ container }: Fixture) {
  const counters = await sql(
    container,
    `SELECT sum(temp_bytes), pg_current_wal_lsn() - '0/0'::pg_lsn FROM pg_stat_database`,
  );
  const [temporary = NaN, wal = NaN] = counters.split("|").map(Number);
  return { temporary, wal, layer: await writableLayerBytes(container) };
}

/** Separate from `readWritten`, because the commands of that function use CPU themselves. */
async function readCpu({ group }: Fixture) {
  return {
    machine: machineCpu(),
    commands: await commandsCpu(),
    container: await group.cpuSeconds(),
  };
}
