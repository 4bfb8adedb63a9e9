import assert from "node:assert/strict";
import { volumesIn } from "../../../setup/volumes-in-state";

describe("the volumes in a state", () => {
  it("are those that the stack created, each with its owner", () => {
    const resources = [
      { type: "pulumi:pulumi:Stack", outputs: { volumeName: "of another stack" } },
      {
        type: "docker:index/volume:Volume",
        outputs: {
          name: "own",
          labels: [
            { label: "team", value: "gis" },
            { label: "postgis-backup.owner", value: "o" },
          ],
        },
      },
      { type: "docker:index/volume:Volume", outputs: { name: "bare" } },
    ];
    assert.deepEqual(volumesIn({ version: 3, deployment: { resources } }), [
      { name: "own", owner: "o" },
      { name: "bare", owner: "" },
    ]);
    assert.deepEqual(volumesIn({ deployment: {} }), []);
  });
});
