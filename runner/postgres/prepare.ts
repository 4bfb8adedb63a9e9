import { escapeIdentifier } from "./escape";
import { insertSrid } from "./custom-srids";
import type { Requirements } from "./requirements";

type Preparation = Pick<Requirements, "schemas" | "extensions" | "customSrids">;

/**
 * SQL that makes an empty database ready for the archive: schemas, extensions, spatial reference systems, and then the
 * definitions of types and functions of the user's own.
 */
export function prepareSql({ schemas, extensions, customSrids }: Preparation, definitions: string): string {
  const postgis = extensions.find(({ name }) => name === "postgis");
  return [
    "-- Run this in the target database before the archive is restored: psql --set ON_ERROR_STOP=on --file prepare.sql",
    definitions === ""
      ? "-- It can be run again: it leaves alone what is there."
      : "-- It cannot be run twice: types and functions that exist already are an error.",
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)};`),
    ...extensions.map(
      ({ name, schema }) =>
        `CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} SCHEMA ${escapeIdentifier(schema)} CASCADE;`,
    ),
    ...(postgis === undefined ? [] : customSrids.map((srid) => insertSrid(srid, postgis.schema))),
    definitions,
  ].join("\n");
}
