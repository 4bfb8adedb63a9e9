/** Spatial reference systems that the source's users added to those of PostGIS. */
import { escapeIdentifier } from "../postgres/session/escape";
import { z } from "zod";
import { Failure, Failures } from "../lib/failure";
import type { Session } from "../postgres/session/session";
import type { RestoreRun } from "./run";
import type { CustomSrid } from "../request/contents";

/** Fails where the target means another reference system by a number that the backup uses. */
export async function checkSrids({ session, manifest }: RestoreRun): Promise<void> {
  const srids = await installedSrids(session, manifest.requires.customSrids);
  Failures.throwIfAny(
    manifest.requires.customSrids
      .filter((srid) => srids.some((other) => other.srid === srid.srid && differs(srid, other)))
      .map(
        ({ srid }) =>
          new Failure(
            "requirement-missing",
            `The spatial reference system ${srid} is defined otherwise in this database than where the backup was taken: coordinates would be ` +
              "wrong. Make spatial_ref_sys agree, or restore into another database.",
          ),
      ),
  );
}

const differs = (one: CustomSrid, other: CustomSrid) =>
  one.srtext !== other.srtext || one.proj4text?.trim() !== other.proj4text?.trim();

export async function installedSrids(session: Session, wanted: readonly CustomSrid[]): Promise<CustomSrid[]> {
  const schema = await postgisSchema(session);
  if (schema === undefined || wanted.length === 0) return [];
  return session.rows(
    `SELECT srid, auth_name, auth_srid, srtext, proj4text FROM ${escapeIdentifier(schema)}.spatial_ref_sys
     WHERE srid IN (${wanted.map(({ srid }) => srid).join(", ")})`,
    z.custom<CustomSrid>(),
  );
}

export async function postgisSchema(session: Session): Promise<string | undefined> {
  const [found] = await session.rows(
    "SELECT nspname AS name FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'postgis'",
    z.object({ name: z.string() }),
  );
  return found?.name;
}
