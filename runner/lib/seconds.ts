/** Seconds, to a tenth, since `performance.now()` gave this. */
export const secondsSince = (started: number): number => Math.round((performance.now() - started) / 100) / 10;
