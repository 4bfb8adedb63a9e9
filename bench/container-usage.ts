import { setTimeout } from "node:timers/promises";
import { execa } from "execa";
import { type ControlGroup, controlGroupOf } from "./control-group";

export async function containerGroup(container: string): Promise<ControlGroup> {
  return controlGroupOf(Number(await inspect(container, "{{.State.Pid}}")));
}

/** Bytes in the container's own file system, without mounts and volumes. */
export async function writableLayerBytes(container: string): Promise<number> {
  return Number(await inspect(container, "{{.SizeRw}}"));
}

async function inspect(container: string, format: string): Promise<string> {
  return (await execa("docker", ["container", "inspect", "--size", "--format", format, container])).stdout;
}

const sampleMilliseconds = 100;

/** Samples the memory of a container until `stop`, which returns the peak in bytes. */
export function followMemory(group: ControlGroup): { stop: () => Promise<number> } {
  const stopped = new AbortController();
  const { signal } = stopped;
  const following = (async () => {
    let most = 0;
    for (;;) {
      most = Math.max(most, await group.memoryBytes());
      if (signal.aborted) return most;
      await setTimeout(sampleMilliseconds, undefined, { signal }).catch(() => undefined);
    }
  })();
  following.catch(() => undefined);
  return {
    stop: () => {
      stopped.abort();
      return following;
    },
  };
}
