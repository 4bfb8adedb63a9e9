import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../../runner/lib/failure";
import { safeScript } from "../../../runner/postgres/archive/script-pieces";
import { rowsInto } from "../../../runner/restore/statements";
import { tableKey } from "../../../runner/postgres/archive/script";
import { everyBytes, inChunks } from "../../support/chunks";

async function read(script: Buffer, size = script.length + 1): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of safeScript(inChunks(script, ...everyBytes(script, size)), "prepare.sql"))
    pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const refused = (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.equal(error.code, "script-unsafe");
  assert.match(error.message, /prepare\.sql is refused: .*Use another one/s);
  return true;
};

const touch = "\\! touch /tmp/x";
const rows = (text: string) => `COPY public.a (x) FROM stdin;\n${text}\n\\.\n`;

const off = "SET standard_conforming_strings = off;\n";
/** A string that ends at the second quote where a backslash is an ordinary character, and at the third where it is none. */
const ordinary = `SELECT '\\'; ${touch} --'\n`;

/** Each runs a program, or reads or writes a file, where psql or the server is given it. */
const hostile: Readonly<Record<string, string>> = {
  "a command in a line of its own": `${touch}\n`,
  "a command without a line end": touch,
  "a command after a statement": `SELECT 1; ${touch}\n`,
  "a command in place of a semicolon": "SELECT 1 \\g |id\n",
  "a command after a name": "SELECT a\\gset\n",
  "a command between brackets": `SELECT (\n${touch}\n);\n`,
  "a command that includes a file": "\\i /etc/passwd\n",
  "a copy by the client": "\\copy a FROM PROGRAM 'id'\n",
  "a command after blanks": `  \t${touch}\n`,
  "a command before another system's line end": `${touch}\r\n`,
  "a command after a comment that a carriage return ends": `-- nothing\r${touch}\n`,
  "a command after nested comments": `/* /* */ ' */ ${touch}\n`,
  "a command after a comment in an operator": `SELECT 1 +/* ' */ 1; ${touch}\n`,
  "a command after a string that ends in a backslash": `SELECT '\\'; ${touch}\n`,
  "a command after a string with an escaped quote": `SELECT E'\\''; ${touch} '\n`,
  "a command after a string with an escaped backslash": `SELECT e'\\\\'; ${touch} '\n`,
  "a command after a name that ends in e": `SELECT a.nameE'\\'; ${touch}\n`,
  "a command after a quoted name": `SELECT "'"; ${touch} --'\n`,
  "a command after a dollar that begins no string": `SELECT a$b$; ${touch} --$b$\n`,
  "a command after a number before a dollar": `SELECT 1$b$ ' $b$; ${touch} '\n`,
  "a command after a function's body": `CREATE FUNCTION f() AS $_$ ' $$ $_$; ${touch} --'\n`,
  "a command after a body whose tag is another's beginning": `DO $a$ $ab$ $a$; ${touch} -- $ab$\n`,
  "a command where strings have escapes": `SET standard_conforming_strings = off;\nSELECT '\\'';\n${touch}\n--'\n`,
  "a command where strings have escapes, said otherwise": `SET SESSION standard_conforming_strings TO 'off';\nSELECT '\\'';\n${touch}\n--'\n`,
  "strings with escapes by a function": "SELECT set_config('standard_conforming_strings', 'off', false);\n",
  "strings with escapes by a quoted name": 'SET "standard_conforming_strings" = off;\n',
  "a string after a string with escapes": `SELECT E'\\\\'\n'\\'; ${touch} '\n`,
  "a number that a string follows at once": `SELECT 1E'\\'; ${touch} '\n`,
  "a command in the second part of a string with escapes": `SELECT E'a'\n'\\''; ${touch}\n--'\n`,
  "a command where a string with escapes ends in the next line": `SELECT E'\\'\n'; ${touch}\n`,
  "a command after other statements": `SELECT 1;\n${ordinary}`,
  "a command after words about strings": `COMMENT ON TABLE a IS 'standard_conforming_strings = off';\n${ordinary}`,
  "a command after a column that is called like the setting": `SELECT 1 AS standard_conforming_strings;\n${ordinary}`,
  "a command where strings have no escapes any more": `${off}SET standard_conforming_strings = on;\n${ordinary}`,
  "a command where they have none, said otherwise": `${off}SET standard_conforming_strings TO 'on';\n${ordinary}`,
  "a command after a name where strings have escapes": `${off}SELECT "\\"; ${touch} --"\n`,
  "a command after bits where strings have escapes": `${off}SELECT B'\\'; ${touch} --'\n`,
  "a command after a national string with escapes": `${off}SELECT N'\\''; ${touch} --'\n`,
  "a command after pg_dump's restriction": `\\restrict abc\n\\unrestrict abc\n${touch}\n`,
  "a restriction within a statement": "SELECT\n\\unrestrict abc\n1;\n",
  "a restriction that is more": "\\unrestrict abc \\! id\n",
  "a variable of psql": "SELECT :'USER';\n",
  "a variable of psql as it is": "SELECT :DBNAME;\n",
  "a variable of psql as a name": 'SELECT :"HOST";\n',
  "a question for a variable": "SELECT :{?x};\n",
  "rows from a program": "COPY public.a (x) FROM PROGRAM 'id';\n",
  "rows to a program": "COPY public.a TO PROGRAM 'id';\n",
  "rows from a file": "copy public.a FROM '/etc/passwd';\n",
  "rows to a file, after a statement": "SELECT 1; COPY (SELECT 1) TO '/tmp/x';\n",
  "rows from a program after a comment": "/* */ -- \nCOPY a FROM PROGRAM 'id';\n",
  "rows from a program before rows": "COPY public.a FROM PROGRAM 'id'; COPY public.a  FROM stdin;\n\\.\n",
  "a command between two COPY": `COPY public.a (x) FROM stdin; ${touch} ; FROM stdin;\n\\.\n`,
  "rows that end before they seem to": rows(`1\n\\.\r\n${touch}`),
  "rows that end at once": rows(`\\.\r\n${touch}`),
  "rows within a statement": `SELECT (\n${rows(touch)});\n`,
  "rows within a comment": `/*\n${rows(`*/ ${touch}`)}`,
  "rows after a statement that has not ended": `SELECT 1\n${rows(touch)}`,
  "rows after a bracket that is open": `SELECT (a, 1;\n${rows(touch)});\n`,
  "rows after a bracket that closes none": `SELECT );\nSELECT (1;\n${rows(touch)}`,
  "a column whose name is no name": `COPY public.a (x') FROM stdin;\n'; ${touch}\n\\.\n`,
  "a column whose name begins a comment": `COPY public.a (x/*) FROM stdin;\n*/ ); ${touch}\n\\.\n`,
  "rows within a function after one of another make": `CREATE FUNCTION g() RETURNS int RETURN CASE WHEN true THEN 1 END;\nCREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\n${rows(touch)}`,
  "rows within a function": `CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\n${rows(touch)}`,
  "rows within a case of a function": `CREATE PROCEDURE f() BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END;\n${rows(touch)}`,
};

const harmless: Readonly<Record<string, string>> = {
  "strings with backslashes": "COMMENT ON TABLE a IS 'C:\\dir\\';\nCOMMENT ON TABLE b IS 'it''s \\! id';\n",
  "escaped strings": "SELECT E'a''\\\\ \\n', E'\\\\';\n",
  "escaped strings where all have escapes":
    "SET standard_conforming_strings = off;\nSELECT E'\\\\', 'a';\nSET standard_conforming_strings = on;\nSELECT '\\';\n",
  "names with backslashes": 'CREATE TABLE public."\\! id" (x integer);\n',
  "names over several lines": 'CREATE TABLE public."a\n\\! id\n" (x integer);\n',
  "bodies of functions": "CREATE FUNCTION f() AS $_$\n\\! id\nCOPY a FROM PROGRAM 'id';\n$_$;\n",
  comments: "-- \\! id\n/* \\! id\n/* */ \\g */\nSELECT 1;\n",
  "casts and slices": "SELECT '1'::integer, (ARRAY[1])[1:n], a[1:\"Column\"], :x, f(a := 1);\n",
  "Unicode strings": "SELECT U&'\\0041', U&\"\\0041\";\n",
  "bit strings": "SELECT B'01', X'1F', N'a', 1.5e3, $1;\n",
  "functions in SQL": `CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n${rows("1")}`,
  "words that are statements elsewhere": `BEGIN;\n${rows("1")}SELECT copy FROM a;\nCREATE VIEW v AS SELECT 1 AS begin;\n${rows("1")}`,
  "names of routines and their arguments": `DROP FUNCTION begin;\n${rows("1")}CREATE FUNCTION f(begin int) RETURNS int AS 'x';\n${rows("1")}`,
  "strings at once after marks": "SELECT f(E'a\\\\', U&'b'), 1,E'x', a[1:'x'];\n",
  "strings that have the name of a setting in them":
    "SELECT 'no_standard_conforming_strings', 'standard_conforming_strings_too';\n",
  "rows that look like commands": rows("\\\\! id\n\\N\t\\\\.\n-- ' $$"),
  "rows of a table without columns": "COPY public.a  FROM stdin;\n\n\\.\nSELECT 1;\n",
  "rows with odd columns": 'COPY public.a ("x, y", "it""s", z) FROM stdin;\n\\.\n',
  "names with a dollar": "SELECT a$b, 'x';\n",
  "a last line without its end": "SELECT 1;",
  "no end of a quote": "SELECT '\\! id\n",
};

describe("a script of a backup", () => {
  for (const [title, text] of Object.entries(hostile)) {
    it(`is refused with ${title}`, async () => {
      const script = Buffer.from(text);
      for (const size of [script.length + 1, 1, 5]) await assert.rejects(read(script, size), refused);
    });
  }

  for (const [title, text] of Object.entries(harmless)) {
    it(`is as it was with ${title}`, async () => {
      for (const size of [text.length + 1, 1, 5]) assert.equal(await read(Buffer.from(text), size), text);
    });
  }

  it("of pg_dump is as it was, without its restriction of psql", async () => {
    const dump = await readFile(path.resolve(__dirname, "../../support/odd-dump.sql"));
    const restrictions = /^\\(un)?restrict \w{20,}\n/gm;
    assert.equal(dump.toString().match(restrictions)?.length, 2);
    assert.equal(await read(dump, 97), dump.toString().replaceAll(restrictions, ""));
  });

  it("says the line", async () => {
    await assert.rejects(read(Buffer.from(`SELECT 1;\nSELECT 2 ${touch}\nSELECT 3;\n`)), {
      message: /"SELECT 2 \\\\! touch \/tmp\/x" is a command of psql, not SQL/,
    });
  });

  it("gives no rows to a place where they are not those of pg_dump", async () => {
    const places = new Map([[tableKey("public", "a"), "stage.a"]]);
    for (const title of ["rows from a program before rows", "rows that end before they seem to"]) {
      const script = Buffer.from(hostile[title] ?? "");
      await assert.rejects(
        async () => {
          for await (const piece of rowsInto(inChunks(script), places))
            assert.ok(!piece.includes("PROGRAM") && !piece.includes("touch"), String(piece));
        },
        { code: "script-unsafe" },
      );
    }
  });
});
