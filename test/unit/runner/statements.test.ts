import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../../runner/lib/failure";
import { tableKey } from "../../../runner/postgres/archive/script";
import { definitionsOf, rowsInto } from "../../../runner/restore/statements";
import { everyBytes, inChunks } from "../../support/chunks";

async function textOf(pieces: AsyncIterable<string | Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all).toString();
}

let dump: Buffer;
before(async () => {
  dump = await readFile(path.resolve(__dirname, "../../support/odd-dump.sql"));
});

/** A text without parts that must be there, each once. */
function without(text: string, ...parts: readonly string[]): string {
  return parts.reduce((left, part) => {
    assert.equal(left.split(part).length, 2, part);
    return left.replace(part, () => "");
  }, text);
}

/** Settings that the dump makes; the target of these tests does not know all of them. */
const settings = new Set(
  "statement_timeout lock_timeout idle_in_transaction_session_timeout client_encoding standard_conforming_strings check_function_bodies xmloption client_min_messages row_security default_tablespace default_table_access_method".split(
    " ",
  ),
);

describe("the definitions in a script", () => {
  const known = { settings, tablespaces: new Set<string>(), accessMethods: new Set(["heap"]) };
  const lacking: string[] = [];
  const onTablespace = (name: string) => lacking.push(name);
  const methods: string[] = [];
  const onAccessMethod = (name: string) => methods.push(name);
  const read = (script: Buffer, options: Partial<Parameters<typeof definitionsOf>[1]> = {}) =>
    textOf(
      definitionsOf(inChunks(script, ...everyBytes(script, 97)), {
        ...{ name: "archive.sql", known, onTablespace, onAccessMethod, withoutKeys: [] },
        ...options,
      }),
    );

  it("are the script without rows, without tablespaces and without what the target does not know", async () => {
    const expected = without(
      dump.toString().replace("--\n\nCOPY public.b (y) FROM stdin;\n\\.\n", "--\n\n"),
      ...(dump.toString().match(/^\\(un)?restrict \w{20,}\n/gm) ?? []),
      "SET transaction_timeout = 0;\n",
      'COPY "E S"."odd ""na;me""\ntwo" (id, "col;um\nn") FROM stdin;\n1\tx\n\\.\n',
      "COPY public.a (x, note) FROM stdin;\n1\ttab\\there\\\\back\\nslash\\r.\n2\t\\\\.\n3\t\\N\n4\t\n\\.\n",
      "COPY public.r (o) FROM stdin;\n\\.\n",
    );
    const found = await read(dump);
    assert.equal(found, expected);
    assert.ok(found.includes("IS 'Load it with\nCOPY public.b (y) FROM stdin;\n1\n\\.\n"), found);
    assert.ok(found.includes("\n\\restrict abc\nSET search_path = x;';"), found);
    assert.ok(found.includes("<> '\nSET default_tablespace = x;\n'"), found);
  });

  it("have a setting that the target does not know where it is no setting of the script's own", async () => {
    const script = Buffer.from("SET odd = 1;\nCREATE TABLE public.t (x integer);\nSET odd = 1;\n");
    assert.equal(await read(script), "CREATE TABLE public.t (x integer);\nSET odd = 1;\n");
    assert.equal(await read(script, { settingsAnywhere: true }), "CREATE TABLE public.t (x integer);\n");
  });

  it("tell of the access methods of tables that the target lacks", async () => {
    const script = ["heap", "columnar", '"Odd ""one"', "''"].map(
      (name) => `SET default_table_access_method = ${name};\n`,
    );
    assert.equal(await read(Buffer.from(script.join(""))), script.join(""));
    assert.deepEqual(methods.splice(0), ["columnar", 'Odd "one']);
  });

  it("have functions as they are", async () => {
    const body =
      "AS $_$\nSET odd = 1;\nSET default_tablespace = 'x';\nCOPY public.a (x) FROM stdin;\n\\.\n$$it's\n$$;\n$_$;\n";
    const script = Buffer.from(
      `CREATE FUNCTION public.f() RETURNS text\n    LANGUAGE plpgsql\n    ${body}SET odd = 1;\n--\n`,
    );
    const expected = script.toString().replace(/SET odd = 1;\n--\n$/, "--\n");
    assert.equal(await read(script, { settingsAnywhere: true }), expected);
  });

  for (const [constraint, table, definition] of [
    ["b_y_fkey", "public.b", "(y) REFERENCES public.a(x);"],
    ["key", "public.r", '(o) REFERENCES "E S"."odd ""na;me""\ntwo"(id);'],
  ] as const) {
    it(`can lack the foreign key ${constraint}`, async () => {
      const key = `ALTER TABLE ONLY ${table}\n    ADD CONSTRAINT ${constraint} FOREIGN KEY ${definition}\n`;
      assert.equal(
        await read(dump, { withoutKeys: [{ table, constraint }] }),
        without(await read(dump), key),
      );
    });
  }

  it("can lack a foreign key of a table with a line break in its name, but no other constraint", async () => {
    const table = '"E S"."odd ""na;me""\ntwo"';
    const key = `ALTER TABLE ONLY ${table}\n    ADD CONSTRAINT "o""k" FOREIGN KEY (id) REFERENCES public.a(x);\n`;
    const script = Buffer.from(`${dump.toString()}${key}`);
    assert.equal(await read(script, { withoutKeys: [{ table, constraint: 'o"k' }] }), await read(dump));
  });

  it("keep a last line that waits for another", async () => {
    assert.equal(await read(Buffer.from("ALTER TABLE public.a\n")), "ALTER TABLE public.a\n");
  });
});

describe("the rows in a script", () => {
  const odd = tableKey("E S", 'odd "na;me"\ntwo');
  const read = (script: Buffer, places: readonly (readonly [string, string])[]) =>
    textOf(rowsInto(inChunks(script, ...everyBytes(script, 97)), new Map(places)));
  const afterSettings = (text: string) => text.slice(text.indexOf("COPY "));

  it("go to the places of their tables, and those of other tables nowhere", async () => {
    assert.equal(
      afterSettings(
        await read(dump, [
          [odd, '"stage"."odd"'],
          [tableKey("public", "b"), '"stage"."b"'],
        ]),
      ),
      'COPY "stage"."odd" (id, "col;um\nn") FROM stdin;\n1\tx\n\\.\nCOPY "stage"."b" (y) FROM stdin;\n\\.\n',
    );
  });

  it("are an error where a table has none, or not all", async () => {
    const lacks = (name: string) => (error: unknown) =>
      error instanceof Failure &&
      error.code === "archive-incomplete" &&
      error.message.includes(`rows of ${name}.`);
    await assert.rejects(read(dump, [[tableKey("public", "gone"), "x"]]), lacks("public.gone"));
    const cut = dump.subarray(0, dump.indexOf("\n2\t"));
    await assert.rejects(read(cut, [[tableKey("public", "a"), "x"]]), lacks("public.a"));
  });
});
