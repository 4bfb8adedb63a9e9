import ms from "ms";
import * as z from "zod";

const duration = 'must be a duration with its unit, such as "24h", "90m" or "7d"';

/** A duration such as `24h` or `7d`. */
export const Duration = z.string(duration).refine((text) => milliseconds(text) > 0, duration);

/** ms returns undefined for what it cannot read, which its types do not say. */
const parse = ms as (text: string) => number | undefined;

export function milliseconds(text: string): number {
  // Without a unit, ms takes a number as milliseconds.
  return /^[\d.]*$/.test(text.trim()) ? Number.NaN : (parse(text) ?? Number.NaN);
}
