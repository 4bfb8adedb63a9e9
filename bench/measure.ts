import { mkdir, rm } from "node:fs/promises";
import { execa } from "execa";
import { bytesBelow } from "../runner/repository/files";
import { sql } from "../test/support/resources";
import { followMemory, writableLayerBytes } from "./container-usage";
import { commandsCpu, machineCpu } from "./host-usage";
import { runCommands } from "./run-commands";
import type { Scene } from "./scene";
import type { Way } from "./way";

/** What one run of a way took. Seconds and bytes. */
export interface Measurement {
  readonly seconds: number;
  /** Of processes in the database's container. */
  readonly containerCpuSeconds: number;
  /** Of the commands on this machine. */
  readonly commandsCpuSeconds: number;
  /** Of the whole machine: the two above, other containers, the Docker daemon, and whatever else ran. */
  readonly machineCpuSeconds: number;
  /** What the container's own file system grew by, and temporary files of the server's queries. */
  readonly containerBytes: number;
  /** What the server wrote to its log of changes. */
  readonly walBytes: number;
  /** The result on this machine. */
  readonly outputBytes: number;
  /** Peak of the largest of the commands on this machine. */
  readonly commandPeakBytes: number;
  /** Peak of the processes in the database's container, with their shared buffers. */
  readonly containerPeakBytes: number;
}

export async function measure(scene: Scene, way: Way): Promise<Measurement> {
  if (way.output !== undefined) await mkdir(way.output, { recursive: true });
  await way.prepare?.();
  try {
    return await measureCommands(scene, way);
  } finally {
    await way.clean?.();
    if (way.output !== undefined) await rm(way.output, { recursive: true, force: true });
  }
}

async function measureCommands(scene: Scene, { commands, output }: Way): Promise<Measurement> {
  await settle(scene);
  const writtenBefore = await readWritten(scene);
  const memory = followMemory(scene.group);
  try {
    const cpuBefore = await readCpu(scene);
    const { seconds, peakBytes } = await runCommands(commands, scene.signal);
    const cpu = await readCpu(scene);
    const written = await readWritten(scene);
    return {
      seconds,
      containerCpuSeconds: cpu.container - cpuBefore.container,
      commandsCpuSeconds: cpu.commands - cpuBefore.commands,
      machineCpuSeconds: cpu.machine - cpuBefore.machine,
      containerBytes: written.layer + written.temporary - writtenBefore.layer - writtenBefore.temporary,
      walBytes: written.wal - writtenBefore.wal,
      outputBytes: output === undefined ? 0 : await bytesBelow(output),
      commandPeakBytes: await peakBytes,
      containerPeakBytes: await memory.stop(),
    };
  } finally {
    await memory.stop().catch(() => undefined);
  }
}

/** What an earlier way left to be written to disk must not be paid by the next. */
async function settle({ container }: Scene): Promise<void> {
  await sql(container, "CHECKPOINT");
  await execa("sync");
}

async function readWritten({ container }: Scene) {
  const counters = await sql(
    container,
    `SELECT sum(temp_bytes), pg_current_wal_lsn() - '0/0'::pg_lsn FROM pg_stat_database`,
  );
  const [temporary = NaN, wal = NaN] = counters.split("|").map(Number);
  return { temporary, wal, layer: await writableLayerBytes(container) };
}

/** Apart from the above, whose own commands would count. */
async function readCpu({ group }: Scene) {
  return {
    machine: machineCpu(),
    commands: await commandsCpu(),
    container: await group.cpuSeconds(),
  };
}
