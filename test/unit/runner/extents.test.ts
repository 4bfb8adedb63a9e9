import assert from "node:assert/strict";
import fc from "fast-check";
import { onEarth, readBox } from "../../../runner/postgres/catalog/extents";

describe("the extent of a geometry column", () => {
  it("is read as PostGIS writes a box, whatever numbers it has", () => {
    assert.deepEqual(readBox("BOX(-8.99 -1e-45,2009.5 1e+22)"), [-8.99, -1e-45, 2009.5, 1e22]);
    const side = fc.double({ noNaN: true, min: -1e38, max: 1e38 });
    fc.assert(
      fc.property(fc.tuple(side, side, side, side), (box) => {
        const [west, south, east, north] = box;
        assert.deepEqual(
          readBox(`BOX(${west} ${south},${east} ${north})`),
          box.map((number) => Number(String(number))),
        );
      }),
    );
  });

  it("is none where a side is no number, or infinite, for which an index has the greatest of its numbers", () => {
    for (const side of [
      "NaN",
      "nan",
      "inf",
      "-Infinity",
      "Infinity",
      "3.402823466385289e+38",
      "-3.402823466385289e+38",
      "x",
    ])
      for (const place of [0, 1, 2, 3]) {
        const [west, south, east, north] = ["1", "2", "3", "4"].with(place, side);
        assert.equal(readBox(`BOX(${west} ${south},${east} ${north})`), undefined, side);
      }
    for (const text of ["", "BOX(1 2,3)", "BOX3D(1 2 0,3 4 0)"]) assert.equal(readBox(text), undefined, text);
  });

  it("is cut where an estimate goes a little beyond the Earth, and no degrees where it goes far", () => {
    assert.deepEqual(onEarth([3.4, 50.7, 7.2, 53.6]), [3.4, 50.7, 7.2, 53.6]);
    assert.deepEqual(onEarth([-181.8, -90.9, 181.8, 90.9]), [-180, -90, 180, 90]);
    for (const box of [
      [-190, 0, 1, 1],
      [0, -95, 1, 1],
      [0, 0, 360, 1],
      [0, 0, 1, 500_000],
    ] as const)
      assert.equal(onEarth([...box]), undefined, String(box));
    assert.equal(onEarth(undefined), undefined);
  });
});
