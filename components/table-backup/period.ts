import ms from "ms";
import { z } from "zod";

const duration = 'must be a duration with its unit, such as "24h", "90m" or "7d"';

/** A duration such as `24h` or `7d`. */
export const Period = z.string(duration).refine((text) => milliseconds(text) > 0, duration);

/** ms returns undefined for what it cannot read, which its types do not say. */
const parse = ms as (text: string) => number | undefined;

function milliseconds(text: string): number {
  // Without a unit, ms takes a number as milliseconds.
  return /^[\d.]*$/.test(text.trim()) ? Number.NaN : (parse(text) ?? Number.NaN);
}

/** Number of the period that a time lies in, counted from 1970-01-01T00:00Z. */
export function periodNumber(every: string, now: number): number {
  return Math.floor(now / milliseconds(every));
}
