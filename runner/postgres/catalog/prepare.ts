import { escapeIdentifier } from "../session/escape";
import { insertSrid } from "./custom-srids";
import type { Requirements } from "../../request/contents";

type Preparation = Pick<Requirements, "schemas" | "extensions" | "customSrids"> & {
  readonly schemaOwners?: readonly { readonly name: string; readonly owner: string }[];
};

/**
 * SQL that makes an empty database ready for the archive: schemas, extensions, spatial reference systems, and then the
 * definitions of types and functions of the user's own.
 */
export function prepareSql(
  { schemas, extensions, customSrids, schemaOwners = [] }: Preparation,
  definitions: string,
): string {
  const postgis = extensions.find(({ name }) => name === "postgis");
  return [
    "-- Run this in the target database before the archive is restored: psql --set ON_ERROR_STOP=on --file prepare.sql",
    /^CREATE /m.test(definitions)
      ? "-- It cannot be run twice: types and functions that exist already are an error."
      : "-- It can be run again: it leaves alone what is there.",
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)};`),
    ...schemaOwners.map(
      ({ name, owner }) => `ALTER SCHEMA ${escapeIdentifier(name)} OWNER TO ${escapeIdentifier(owner)};`,
    ),
    ...extensions.map(
      ({ name, schema }) =>
        `CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} SCHEMA ${escapeIdentifier(schema)} CASCADE;`,
    ),
    ...(postgis === undefined ? [] : customSrids.map((srid) => insertSrid(srid, postgis.schema))),
    definitions,
  ].join("\n");
}

/**
 * SQL that creates what refers to the tables and is needed by their rows, indexes or constraints: functions over their row
 * types, for instance. An archive of tables has no place for it. Empty where there is nothing of the kind.
 */
export function afterTablesSql(definitions: string, statistics: readonly string[]): string {
  if (definitions === "" && statistics.length === 0) return "";
  return [
    "-- Run this in the target database after the archive's pre-data is restored, and before its data and post-data:",
    "-- psql --set ON_ERROR_STOP=on --file after-tables.sql",
    definitions,
    ...statistics,
    "",
  ].join("\n");
}
