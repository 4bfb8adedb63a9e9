/**
 * What every session sets because the database, the role or the server may have set it otherwise, as pg_dump and
 * pg_restore do for themselves: what would end or block a long session, hide rows from it, or have it read its own
 * statements otherwise. Any role may set these.
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

/** The value of PGOPTIONS for a server of that version; one refuses sessions that name a setting which it does not know. */
export function sessionOptions(version: number): string {
  return sessionSettings
    .filter(({ since }) => since === undefined || version >= since)
    .map(({ name, value }) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`)
    .join(" ");
}

/**
 * What the text of a value or a definition can depend on. Not for sessions that load rows: a trigger or a constraint of
 * the target may count on the settings that its database has.
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

/** Undoes it. */
export const resetTextSettings = Object.keys(textSettings)
  .map((name) => `RESET ${name}`)
  .join("; ");
