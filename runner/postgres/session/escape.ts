/** The whole of `pg` would load its client too, and with it Node's fetch: a twentieth of a second of each run. */
export { escapeIdentifier, escapeLiteral } from "pg/lib/utils";
