import assert from "node:assert/strict";
import { leastBytes } from "../../../runner/restore/check";

describe("the room that restored tables need", () => {
  it("is that of the tables, and of the smallest entries of indexes that have one for each row", () => {
    const indexes = [
      "CREATE UNIQUE INDEX t_pkey ON public.t USING btree (id)",
      "CREATE INDEX t_shape ON public.t USING gist (shape)",
      "CREATE INDEX t_day ON public.t USING brin (day)",
      "CREATE INDEX t_open ON public.t USING btree (id) WHERE open",
    ];
    assert.equal(leastBytes([{ bytes: 10_000, rows: 100, indexes }]), 10_000 + 100 * 2 * 6);
    assert.equal(
      leastBytes([
        { bytes: 8192, rows: 3, indexes: [] },
        { bytes: 1, rows: 0, indexes },
      ]),
      8193,
    );
  });
});
