import type { Measurement } from "./measure";
import type { Command, Group, Way } from "./way";

export interface WayResult {
  /** As they could be typed. */
  readonly commands: readonly string[];
  /** In order of the rounds. */
  readonly measurements: readonly Measurement[];
}

/** By the names of the ways. */
export type GroupResult = Readonly<Record<string, WayResult>>;

export interface RoundOptions {
  readonly rounds: number;
  readonly measure: (way: Way) => Promise<Measurement>;
  readonly describe: (command: Command) => string;
  readonly note: (line: string) => void;
}

/**
 * Measures the ways of a group in turns, A B C A B C, so that a machine that grows slower is slower for all of them. The
 * first way is run once before, unmeasured: whoever comes first finds nothing in the system's cache.
 */
export async function measureGroup(
  { name, ways }: Group,
  { rounds, measure, describe, note }: RoundOptions,
): Promise<GroupResult> {
  const measurements = new Map<Way, Measurement[]>(ways.map((way) => [way, []]));
  if (ways[0] !== undefined) await measure(ways[0]);
  for (let round = 1; round <= rounds; round++) {
    for (const [way, earlier] of measurements) {
      const measurement = await measure(way);
      earlier.push(measurement);
      note(`${name}, round ${round} of ${rounds}, ${way.name}: ${measurement.seconds.toFixed(2)} s`);
    }
  }
  return Object.fromEntries(
    [...measurements].map(([way, list]) => [
      way.name,
      { commands: way.commands.map(describe), measurements: list },
    ]),
  );
}
