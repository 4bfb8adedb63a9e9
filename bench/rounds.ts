import type { Measurement } from "./measure";
import type { Command, Group, Contender } from "./contender";

interface ContenderResult {
  /** The commands as a user would type them. */
  readonly commands: readonly string[];
  /** One measurement for each round, in order. */
  readonly measurements: readonly Measurement[];
}

/** The results by name of the contender. */
export type GroupResult = Readonly<Record<string, ContenderResult>>;

interface RoundOptions {
  readonly rounds: number;
  readonly measure: (contender: Contender) => Promise<Measurement>;
  readonly describe: (command: Command) => string;
  readonly note: (line: string) => void;
}

/**
 * Measures the contenders of a group in turns, A B C A B C, so that a machine that slows down slows all of them. The
 * first contender runs once before, unmeasured, to fill the system's cache.
 */
export async function measureGroup(
  { name, contenders }: Group,
  { rounds, measure, describe, note }: RoundOptions,
): Promise<GroupResult> {
  const measurements = new Map<Contender, Measurement[]>(contenders.map((contender) => [contender, []]));
  if (contenders[0] !== undefined) await measure(contenders[0]);
  for (let round = 1; round <= rounds; round++) {
    for (const [contender, earlier] of measurements) {
      const measurement = await measure(contender);
      earlier.push(measurement);
      note(`${name}, round ${round} of ${rounds}, ${contender.name}: ${measurement.seconds.toFixed(2)} s`);
    }
  }
  return Object.fromEntries(
    [...measurements].map(([contender, list]) => [
      contender.name,
      { commands: contender.commands.map(describe), measurements: list },
    ]),
  );
}
