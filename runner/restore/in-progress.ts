import { Failure } from "../lib/failure";
import type { RestoreRequest } from "../request";

export function restoreInProgress({ database }: RestoreRequest): (since: string) => Failure {
  return (since) =>
    new Failure(
      "restore-in-progress",
      `Another restore into database "${database}" is in progress${since}. Wait for it.`,
    );
}
