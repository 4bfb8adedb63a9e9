/** Numbers and times as people read them; all times are in UTC. */
import ms from "ms";

const moments = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
});
const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const moment = (time: Date): string => moments.format(time);
export const day = (time: Date): string => days.format(time);
export const count = (number: number): string => number.toLocaleString("en");
/** `143,100`, but `2.6M`. */
export const shortCount = (number: number): string => (number < 1e6 ? count(number) : short.format(number));

/** `1 backup`, `1,000 backups`. */
export function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Milliseconds in the largest unit that fits: `3 hours`. */
export const span = (milliseconds: number): string => ms(milliseconds, { long: true });

/** `0.4 s`, `42 s`, `3 min 10 s`, `1 h 4 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return join([Math.floor(whole / 60), "min"], [whole % 60, "s"]);
  return join([Math.floor(whole / 3600), "h"], [Math.floor((whole % 3600) / 60), "min"]);
}

function join(...parts: readonly (readonly [number, string])[]): string {
  return parts
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(" ");
}

/** How much more or less a number is than before, as a share of that. */
export function change(now: number, before: number | undefined): string {
  if (before === undefined) return "new";
  if (now === before) return "no change";
  const sign = now > before ? "+" : "−";
  if (before === 0) return `${sign}${count(now)}`;
  const share = (Math.abs(now - before) / before) * 100;
  return share < 0.05
    ? `${sign}${count(Math.abs(now - before))}`
    : `${sign}${share.toFixed(share < 10 ? 1 : 0)} %`;
}
