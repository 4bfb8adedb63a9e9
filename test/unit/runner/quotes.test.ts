import assert from "node:assert/strict";
import { openQuote } from "../../../runner/postgres/archive/quotes";

const lines: readonly (readonly [line: string, before: string | undefined, after: string | undefined])[] = [
  ["CREATE TABLE public.a (", undefined, undefined],
  ["COMMENT ON TABLE a IS 'one", undefined, "'"],
  ["it''s \"two\" -- three $$", "'", "'"],
  ["four';", "'", undefined],
  ["COMMENT ON TABLE a IS 'it''s'; -- don't", undefined, undefined],
  ["COMMENT ON TABLE a IS '\\'", undefined, undefined],
  ["-- Name: don't \"; Type: TABLE", undefined, undefined],
  ['ALTER TABLE ONLY "it\'s""', undefined, '"'],
  ['two" OWNER TO "b', '"', '"'],
  ["    AS $_$", undefined, "$_$"],
  ["BEGIN RETURN $$it's $_x$; -- no end", "$_$", "$_$"],
  ["END $_$;", "$_$", undefined],
  ["    AS $$SELECT '$1'$$ LANGUAGE sql; SELECT 'a", undefined, "'"],
  [" SELECT ($1,$2)::pg_catalog.text, a$b$c;", undefined, undefined],
  ["    AS $größe$", undefined, "$größe$"],
];

describe("quotes in a line of a script", () => {
  for (const [line, before, after] of lines) {
    it(`${before ?? "nothing"} before, ${after ?? "nothing"} after: ${line}`, () => {
      assert.equal(openQuote(line, before), after);
    });
  }
});
