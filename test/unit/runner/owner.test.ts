import assert from "node:assert/strict";
import { checkKept, checkVolume, knownOwner } from "../../../runner/server/owner";
import { ownerLabel, PreflightRequest } from "../../../runner/request";
import { type FakeDocker, fakeDocker } from "../../support/fake-docker";

const request = (change: object = {}) =>
  PreflightRequest.parse({ container: "pg", hostAddress: "127.0.0.1", volume: "data", ...change });
const volumeOf = (owner?: string) => ({
  Name: "data",
  Labels: owner === undefined ? null : { [ownerLabel]: owner },
});
const known = { owner: "own", adopted: ["earlier"] };

describe("a volume", () => {
  const fakes: FakeDocker[] = [];
  /** Whose containers are `running`, and which volume is there. */
  async function docker(running = "", volume: object = volumeOf("own")) {
    const inspected = JSON.stringify([volume]);
    const fake = await fakeDocker(
      `case "$1" in ps) echo '${running}';; volume) echo '${inspected}';; esac; exit`,
    );
    fakes.push(fake);
    return fake.docker;
  }
  afterEach(async () => {
    for (const fake of fakes.splice(0)) await fake.remove();
  });

  it("may be the stack's own, one that it took over, or none", async () => {
    for (const volume of [volumeOf("own"), volumeOf("earlier"), undefined])
      assert.deepEqual(await checkVolume(await docker(), request(), known, volume), ["earlier"]);
  });

  for (const [owner, shown] of [
    ["other", "other"],
    [undefined, "unlabelled:data"],
  ] as const)
    it(`is refused where it is somebody else's: ${shown}`, async () => {
      await assert.rejects(checkVolume(await docker(), request(), known, volumeOf(owner)), {
        code: "volume-not-owned",
        message: new RegExp(`belong to this stack, but to "${shown}"`),
      });
    });

  it("is taken over where its owner is named and nobody runs on it", async () => {
    const adopt = request({ adopt: "other" });
    const adopted = await checkVolume(await docker(), adopt, known, volumeOf("other"));
    assert.deepEqual(adopted, ["earlier", "other"]);
    await assert.rejects(checkVolume(await docker("pg_theirs"), adopt, known, volumeOf("other")), {
      code: "volume-not-owned",
      message: /Container "pg_theirs" runs on it/,
    });
  });

  it("of another name than before is refused while the data is in that one", async () => {
    const last = { ...known, volume: "before" };
    const before = { ...volumeOf("own"), Name: "before" };
    await assert.rejects(checkKept(await docker("", before), request({ keepData: false }), last), {
      code: "volume-not-kept",
      message: /The data is in volume "before".*Set volumeName to "before"/,
    });
    await assert.rejects(checkKept(await docker("", before), request(), last), {
      code: "volume-not-kept",
      message: /would begin without it.*declare another PostgisContainer/,
    });
    await checkKept(await docker("", { ...before, Labels: null }), request(), last);
    await checkKept(await docker("", before), request({ keepData: false, volume: "before" }), last);
    await checkKept(await docker("", { ...before, Labels: null }), request({ keepData: false }), last);
  });
});

describe("the owner of a stack", () => {
  const none = { container: undefined, volume: undefined };

  it("is what it said last, and another for each new stack", () => {
    const said = { owner: "own", adopted: ["a"], volume: "data" };
    assert.deepEqual(knownOwner(JSON.stringify(said), { ...none, volume: volumeOf("other") }), said);
    assert.notEqual(knownOwner(undefined, none).owner, knownOwner(undefined, none).owner);
  });

  it("keeps what an earlier version made, but takes over nothing of a stack that has an id", () => {
    const ofNames = "acme/gis/prod/server";
    assert.deepEqual(knownOwner("", { ...none, volume: volumeOf(ofNames) }), {
      owner: ofNames,
      adopted: [],
    });
    assert.deepEqual(knownOwner("", { ...none, volume: volumeOf() }).adopted, ["unlabelled:data"]);
    const id = "5a1d1f2e-6d5b-4b5e-9b7e-0d3c1a2b3c4d";
    const { owner, adopted } = knownOwner("", { ...none, volume: volumeOf(id) });
    assert.notEqual(owner, id);
    assert.deepEqual(adopted, []);
    // Without a word of its own, it has nothing from before.
    assert.deepEqual(knownOwner(undefined, { ...none, volume: volumeOf(ofNames) }).adopted, []);
  });
});
