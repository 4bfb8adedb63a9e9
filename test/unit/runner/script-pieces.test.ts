import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Piece, readPieces } from "../../../runner/postgres/archive/script-pieces";
import { everyBytes, inChunks } from "../../support/chunks";

/** Pieces as text, with all rows of a table in one. */
async function piecesOf(chunks: AsyncIterable<Buffer>): Promise<string[]> {
  const pieces: string[] = [];
  let rows: Buffer[] = [];
  for await (const piece of readPieces(chunks)) {
    if (piece.kind === "rows") rows.push(Buffer.from(piece.data));
    else {
      if (piece.kind === "end of rows") pieces.push(`rows: ${Buffer.concat(rows).toString()}`);
      rows = [];
      pieces.push(textOf(piece));
    }
  }
  return rows.length === 0 ? pieces : [...pieces, `rows: ${Buffer.concat(rows).toString()}`];
}

function textOf(piece: Piece): string {
  if (piece.kind === "line") return piece.text;
  if (piece.kind !== "copy") return piece.kind;
  const { text, ...table } = piece;
  assert.ok(text.startsWith("COPY ") && text.endsWith(piece.rest), text);
  return `copy: ${JSON.stringify(table)}`;
}

const read = (text: string) => piecesOf(inChunks(Buffer.from(text)));

describe("the pieces of a script", function () {
  this.timeout(120_000);
  let dump: Buffer;
  before(async () => {
    dump = await readFile(path.resolve(__dirname, "../../support/odd-dump.sql"));
  });

  it("are the tables with their rows, whatever their names, comments and rows look like", async () => {
    const pieces = await piecesOf(inChunks(dump));
    const copied = pieces.flatMap((text, index) => (text.startsWith("copy: ") ? [index] : []));
    assert.deepEqual(
      copied.map((index) => [
        JSON.parse(pieces[index]?.slice(6) ?? "") as Piece,
        ...pieces.slice(index + 1, index + 3),
      ]),
      [
        [
          { kind: "copy", schema: "E S", name: 'odd "na;me"\ntwo', rest: ' (id, "col;um\nn") FROM stdin;' },
          "rows: 1\tx\n\\.\n",
          "end of rows",
        ],
        [
          { kind: "copy", schema: "public", name: "a", rest: " (x, note) FROM stdin;" },
          "rows: 1\ttab\\there\\\\back\\nslash\\r.\n2\t\\\\.\n3\t\\N\n4\t\n\\.\n",
          "end of rows",
        ],
        [
          { kind: "copy", schema: "public", name: "b", rest: " (y) FROM stdin;" },
          "rows: \\.\n",
          "end of rows",
        ],
        [
          { kind: "copy", schema: "public", name: "r", rest: " (o) FROM stdin;" },
          "rows: \\.\n",
          "end of rows",
        ],
      ],
    );
    const comment = pieces.find((text) => text.startsWith("COMMENT ON TABLE"));
    assert.equal(comment?.split("\n").length, 7);
    assert.ok(comment.endsWith("SET search_path = x;';"), comment);
  });

  it("are the same wherever a chunk of it ends", async () => {
    const expected = await piecesOf(inChunks(dump));
    for (let end = 0; end <= dump.length; end++)
      assert.deepEqual(await piecesOf(inChunks(dump, end)), expected, `at byte ${end}`);
    for (const size of [1, 2, 3, 4, 5, 7])
      assert.deepEqual(
        await piecesOf(inChunks(dump, ...everyBytes(dump, size))),
        expected,
        `${size} bytes each`,
      );
  });

  it("lose nothing", async () => {
    const text = dump.toString().replaceAll("FROM stdin;", "TO stdout;");
    assert.equal((await read(text)).join("\n"), text.replace(/\n$/, ""));
  });

  it("have the rows that are there of a script that was cut off", async () => {
    assert.deepEqual(await read("COPY public.a (x) FROM stdin;\n1\n2\n\\"), [
      'copy: {"kind":"copy","schema":"public","name":"a","rest":" (x) FROM stdin;"}',
      "rows: 1\n2\n\\",
    ]);
  });

  for (const [title, text, expected] of [
    ["a last line without its end", "SELECT 1;\nSELECT 2;", ["SELECT 1;", "SELECT 2;"]],
    ["a quote without its end", "SELECT 'a\nb\n", ["SELECT 'a\nb\n"]],
    ["line ends of another system in a string", "SELECT 'a\r\nb';\r\n", ["SELECT 'a\r\nb';\r"]],
    ["characters of several bytes", "COMMENT ON TABLE é IS 'ü\n€';\n", ["COMMENT ON TABLE é IS 'ü\n€';"]],
    [
      "rows that look like their end",
      "COPY public.a (x) FROM stdin;\n\\\\.\n\n\n\\.\n\n",
      [
        'copy: {"kind":"copy","schema":"public","name":"a","rest":" (x) FROM stdin;"}',
        "rows: \\\\.\n\n\n\\.\n",
        "end of rows",
        "",
      ],
    ],
    [
      "no rows, and nothing after them",
      "COPY public.a (x) FROM stdin;\n\\.\n",
      [
        'copy: {"kind":"copy","schema":"public","name":"a","rest":" (x) FROM stdin;"}',
        "rows: \\.\n",
        "end of rows",
      ],
    ],
    ["empty lines", "\n\n--\n", ["", "", "--"]],
    ["nothing", "", []],
  ] as const) {
    it(`may have ${title}`, async () => {
      const bytes = Buffer.from(text);
      for (let end = 0; end <= bytes.length; end++)
        assert.deepEqual(await piecesOf(inChunks(bytes, end)), expected, `at byte ${end}`);
    });
  }
});
