import { Failure } from "../failure";

export function mismatch(text: string): Failure {
  return new Failure("restore-mismatch", `The restored tables are not those that were backed up: ${text}.`);
}
