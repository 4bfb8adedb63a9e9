/** Compares what was loaded with what was backed up. */
import { whyNotComparable } from "../postgres/catalog/fingerprint";
import { sqlName } from "../postgres/session/names";
import { openSession } from "../postgres/session/session";
import { withoutJit } from "../postgres/session/settings";
import { compareRestored } from "../verify";
import type { RestoreRun } from "./begin";
import type { StagedTable } from "./staging";

/** The method of the manifest's fingerprints; undefined where the target cannot compute them. */
export function comparableMethod({ manifest, serverInfo }: Pick<RestoreRun, "serverInfo" | "manifest">) {
  const { fingerprintMethod, source } = manifest;
  return whyNotComparable(fingerprintMethod, source.encoding, serverInfo) === undefined
    ? fingerprintMethod
    : undefined;
}

/** Compares the tables where they were loaded, before they are published. */
export async function compareStaging(run: RestoreRun, tables: readonly StagedTable[]): Promise<void> {
  const { request, manifest, target, signal } = run;
  const empty = request.content === "schema";
  const session = openSession(target, signal);
  try {
    await session.run(withoutJit);
    // If the server crashes now, the restore has to start again anyway.
    await session.run("SET synchronous_commit = off");
    await session.run(`ANALYZE ${tables.map(({ stage }) => sqlName(stage)).join(", ")}`);
    const compared = tables.map(({ recorded, stage, place, definitions }) => ({
      ...{ recorded, at: stage, place },
      expected: { ...recorded, ...(empty ? { rows: 0, fingerprint: "0" } : {}), ...definitions },
    }));
    const logicalForeignKeys = empty ? [] : manifest.logicalForeignKeys;
    const comparison = {
      tables: compared,
      logicalForeignKeys,
      method: comparableMethod(run),
      validity: false,
    };
    await compareRestored(session, target, comparison, signal);
  } finally {
    await session.close();
  }
}
