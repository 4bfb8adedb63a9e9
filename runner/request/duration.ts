import ms from "ms";
import { z } from "zod";

/** A duration such as `24h` or `7d`. */
export const Duration = z
  .string()
  .refine((text) => milliseconds(text) > 0, 'must be a duration such as "24h", "90m" or "7d"');

/** ms returns undefined for what it cannot read, which its types do not say. */
const parse = ms as (text: string) => number | undefined;

export function milliseconds(text: string): number {
  return text === "" ? Number.NaN : (parse(text) ?? Number.NaN);
}
