import { escapeIdentifier } from "pg";
import type { Requirements } from "./requirements";

/** SQL that makes an empty database ready for `pg_restore`: the schemas and extensions that the tables need. */
export function prepareSql({ schemas, extensions }: Pick<Requirements, "schemas" | "extensions">): string {
  return [
    "-- Run this in the target database before the archive is restored.",
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)};`),
    ...extensions.map(
      ({ name, schema }) =>
        `CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} SCHEMA ${escapeIdentifier(schema)} CASCADE;`,
    ),
    "",
  ].join("\n");
}
