/** Bundled by itself, so that the other verbs start as fast as without it. So no `Failure` may leave it: it would be of another class. */
import type { StoredBackup } from "../repository/repository";
import type { Retention } from "../request";
import { historiesOf } from "./history";
import { page } from "./page";
import { describe } from "./reported";
import { verdictOf } from "./verdict";

export { isReport } from "./page";

interface Subject {
  /** Of the repository. */
  readonly location: string;
  /** Of one name or of several, each name's oldest first. */
  readonly backups: readonly StoredBackup[];
  /** The rules of the next prune; none if it is not known. */
  readonly retention: Retention;
  readonly now: Date;
}

interface Report {
  /** One HTML page, which needs nothing else. */
  readonly page: string;
  /** What the page says first. */
  readonly verdict: string;
}

/** Describes backups as they are now. */
export function report({ location, backups, retention, now }: Subject): Report {
  const reported = historiesOf(backups).map((history) => describe(history, retention, now));
  const verdict = verdictOf(reported, now);
  return { page: page(location, reported, verdict, now), verdict: `${verdict.text}. ${verdict.detail}` };
}
