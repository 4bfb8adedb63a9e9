import assert from "node:assert/strict";
import { Readable } from "node:stream";
import type { Session } from "../../../runner/postgres/session/session";
import { RestoreRequest } from "../../../runner/request";
import type { Reader } from "../../../runner/restore/reader";
import type { RestoreRun } from "../../../runner/restore/run";
import { setSequences } from "../../../runner/restore/sequence-values";

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
    const request = RestoreRequest.parse({
      ...{ container: "c", repository: "/b", name: "cbm", backup: "latest" },
    });
    const run: Pick<RestoreRun, "request" | "signal"> & { session: Partial<Session> } = {
      request,
      session: session as unknown as Session,
      signal: new AbortController().signal,
    };
    const reader: Pick<Reader, "entries" | "script"> = {
      entries: ["4711; 0 0 SEQUENCE SET public parcels_id_seq postgres"],
      script: () => Readable.from([Buffer.from(script)]),
    };
    await setSequences(run as RestoreRun, reader as Reader, ["16384"]);
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
