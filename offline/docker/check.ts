import { autoname, checkInputs } from "../provider/check-inputs";
import type { Schema } from "../provider/input";
import type { CheckOperation, CheckResult } from "../provider/provider";
import type { Properties } from "../provider/value";

/** Refuses inputs that are not covered, then names the resource and fills in the defaults. */
export function checkNamed(
  inputs: Properties,
  schema: Schema,
  type: string,
  operation: CheckOperation,
): CheckResult {
  return checkInputs(inputs, schema, { provider: "docker", type }, { name: autoname(operation) });
}
