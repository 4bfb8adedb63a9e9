import { escapeIdentifier } from "./escape";

/** Of a table, sequence or the like. */
export interface Name {
  readonly schema: string;
  readonly name: string;
}

/** As SQL writes it, always in quotes. */
export const sqlName = ({ schema, name }: Name): string =>
  `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
