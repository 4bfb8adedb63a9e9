import type { Finding, Urgency } from "./findings";
import { type History, stateOf } from "./history";
import { plural, span } from "./words";

export interface Verdict {
  readonly urgency: Urgency;
  readonly text: string;
  readonly detail: string;
}

interface Described {
  readonly history: History;
  readonly findings: readonly Finding[];
}

/** The answer to what everybody asks first: is the last backup good, and must I do something? */
export function verdictOf(reported: readonly Described[], now: Date): Verdict {
  const number = (urgency: Urgency) =>
    reported.flatMap(({ findings }) => findings).filter((finding) => finding.urgency === urgency).length;
  const [problems, warnings] = [number("problem"), number("warning")];
  const detail = detailOf(reported, now);
  if (reported.length === 0)
    return {
      urgency: "problem",
      text: "There are no backups",
      detail: "Take one with: postgis-backup backup",
    };
  if (problems > 0)
    return { urgency: "problem", text: `${plural(problems, "problem")} to solve now`, detail };
  if (warnings > 0) return { urgency: "warning", text: `${plural(warnings, "thing")} to look at`, detail };
  return { urgency: "note", text: "All is well", detail };
}

const proofs = {
  restore: "passed a restore test",
  archive: "was read back to its end",
  none: "was not verified",
  damaged: "is damaged",
};

function detailOf(reported: readonly Described[], now: Date): string {
  const lasts = reported.flatMap(({ history: { last } }) => (last === undefined ? [] : [last]));
  const [only] = lasts;
  if (only === undefined) return "There is no good backup.";
  const oldest = lasts.reduce((one, other) => (other.startedAt < one.startedAt ? other : one));
  const age = span(Math.max(0, now.getTime() - oldest.startedAt.getTime()));
  if (reported.length === 1)
    return `The last good backup of ${only.name} is ${age} old and ${proofs[stateOf(only)]}.`;
  return `${lasts.length} of ${reported.length} have a good backup. The oldest of the last ones is of ${oldest.name}: ${age} old.`;
}
