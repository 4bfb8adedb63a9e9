import type { Session } from "./session";

/**
 * What every session sets, as pg_dump and pg_restore do too. Other values of the database, role or server could end or block a
 * long session, hide rows from it, or change how its statements are read. Any role may set these.
 */
const sessionSettings: readonly { readonly name: string; readonly value: string; readonly since?: number }[] =
  [
    { name: "statement_timeout", value: "0" },
    { name: "lock_timeout", value: "0" },
    { name: "idle_in_transaction_session_timeout", value: "0" },
    { name: "idle_session_timeout", value: "0", since: 14 },
    { name: "transaction_timeout", value: "0", since: 17 },
    { name: "row_security", value: "off" },
    { name: "standard_conforming_strings", value: "on" },
    { name: "quote_all_identifiers", value: "off" },
    { name: "default_transaction_isolation", value: "read committed" },
    { name: "default_transaction_deferrable", value: "off" },
    { name: "exit_on_error", value: "off" },
    { name: "xmloption", value: "content" },
    { name: "synchronize_seqscans", value: "off" },
  ];

/** The value of PGOPTIONS for a server of that version. A server refuses sessions that name a setting which it does not know. */
export function sessionOptions(version: number): string {
  return sessionSettings
    .filter(({ since }) => since === undefined || version >= since)
    .map(({ name, value }) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`)
    .join(" ");
}

/**
 * The text of a value or a definition can depend on these. Sessions that load rows must not set them: a trigger or a constraint
 * of the target may rely on the settings of its database.
 */
const textSettings = {
  search_path: "pg_catalog",
  timezone: "UTC",
  datestyle: "ISO",
  intervalstyle: "postgres",
  extra_float_digits: "3",
  bytea_output: "hex",
  xmlbinary: "base64",
  lc_monetary: "C",
};

/** Makes the server write text that depends on no setting of user, database or server. */
export const setTextSettings = Object.entries(textSettings)
  .map(([name, value]) => `SET ${name} = '${value}'`)
  .join("; ");

/** With JIT, the server can take seconds to compile a long catalog query that runs in a tenth of a second. */
export const withoutJit = "SET jit = off";

/**
 * For queries of the catalog. During the work, the server writes every name with its schema, and dates, numbers and the like
 * in one form, whatever is set for user or database.
 */
export async function withQualifiedNames<T>(session: Session, work: () => Promise<T>): Promise<T> {
  const reset = Object.keys(textSettings)
    .map((name) => `RESET ${name}`)
    .join("; ");
  await session.run(`${setTextSettings}; ${withoutJit}`);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // In a transaction that has failed, this fails too, and says nothing about the reason.
    await session.run(reset).catch(() => undefined);
    throw error;
  }
  await session.run(reset);
  return result;
}
