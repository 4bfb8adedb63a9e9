import assert from "node:assert/strict";
import { Readable } from "node:stream";
import type { Session } from "../../../runner/postgres/session/session";
import type { TocEntry } from "../../../runner/postgres/archive/toc";
import type { Reader } from "../../../runner/restore/reader";
import { setSequences } from "../../../runner/restore/fill";

describe("values of sequences that exist", () => {
  /** The statements that a script of an archive makes, in a database with a sequence of the tables and one of somebody else. */
  async function made(script: string): Promise<string[]> {
    const statements: string[] = [];
    const oids: Record<string, string> = { parcels_id_seq: "1", theirs: "2" };
    const session = {
      rows: (text: string) => {
        if (text.includes("d.objid::text AS oid")) return Promise.resolve([{ oid: "1" }]);
        const found = Object.keys(oids).filter((name) => text.includes(`'${name}'`));
        return Promise.resolve(
          found.map((name) => ({
            ...{ schema: "public", name, kind: "S", oid: oids[name] },
            sqlName: `public.${name}`,
          })),
        );
      },
      row: (text: string) => {
        const [, schema = "", name = ""] = /parse_ident\('(\w+)\.(.*)'\)/.exec(text) ?? [];
        return Promise.resolve({ parts: [schema, name] });
      },
      run: (text: string) => {
        statements.push(text);
        return Promise.resolve();
      },
    };
    const reader: Pick<Reader, "entries" | "script"> = {
      entries: [{ id: 4711, kind: "SEQUENCE SET", schema: "public", name: "parcels_id_seq" } as TocEntry],
      script: () => Readable.from([Buffer.from(script)]),
    };
    const { signal } = new AbortController();
    await setSequences(session as unknown as Session, reader, ["16384"], (sequence) => sequence, signal);
    return statements;
  }

  const set = (name: string, rest: string) => `SELECT pg_catalog.setval('public.${name}', ${rest});\n`;

  it("are set as the archive has them, for those that the tables use", async () => {
    assert.deepEqual(await made(set("parcels_id_seq", "-7, true") + set("theirs", "1, true")), [
      `SELECT pg_catalog.setval('"public"."parcels_id_seq"', -7, true)`,
    ]);
  });

  for (const forged of ["1, true); DROP TABLE parcels; SELECT f(1, true", "(SELECT f()), true", "1, f()"])
    it(`are numbers, and nothing else is run: ${forged}`, async () => {
      assert.deepEqual(await made(set("parcels_id_seq", forged)), []);
    });
});
