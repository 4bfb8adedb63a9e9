import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { identityPattern, isGone, ownIdentity } from "../../../runner/lib/process-identity";
import { parseWorkName, removeDeadWork, workName } from "../../../runner/lib/work-name";
import { removeFolder, temporaryFolder } from "../../support/resources";

describe("a process that left something", () => {
  const [space = "", boot = "", pid = "", start = ""] = ownIdentity().split("-");
  const identity = (change: { space?: string; boot?: string; pid?: string; start?: string } = {}) =>
    [change.space ?? space, change.boot ?? boot, change.pid ?? pid, change.start ?? start].join("-");
  let dead: string;

  before(async () => {
    const child = spawn("true", { stdio: "ignore" });
    await once(child, "close");
    dead = String(child.pid);
  });

  it("is named by machine, boot, number and start", () => {
    assert.match(ownIdentity(), new RegExp(`^${identityPattern}$`));
    assert.equal(ownIdentity(), ownIdentity());
    assert.equal(pid, String(process.pid));
    assert.notEqual(start, "0");
    assert.notEqual(space, boot);
  });

  it("is gone where its number is nobody's, or another's, or of an earlier boot", () => {
    assert.equal(isGone(identity()), false);
    assert.equal(isGone(identity({ pid: dead })), true);
    assert.equal(isGone(identity({ start: String(Number(start) + 1) })), true);
    assert.equal(isGone(identity({ boot: "00000000" })), true);
  });

  it("is not known to be gone where it is of another machine, or says too little", () => {
    assert.equal(isGone(identity({ space: "00000000", pid: dead })), false);
    assert.equal(isGone(identity({ space: "00000000", boot: "00000000" })), false);
    // Of a system that does not tell when a process started.
    assert.equal(isGone(identity({ start: "0" })), false);
    for (const other of ["", "abcd", `${identity({ pid: dead })}-1`, `x${identity({ pid: dead })}`])
      assert.equal(isGone(other), false, other);
  });

  it("is not known to be gone where the system does not say so, as of a process of another user", () => {
    const kill = process.kill.bind(process);
    try {
      for (const [thrown, gone] of [
        [Object.assign(new Error(), { code: "ESRCH" }), true],
        [Object.assign(new Error(), { code: "EPERM" }), false],
        [new Error(), false],
        [{ code: "ESRCH" }, false],
      ] as const) {
        process.kill = () => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- one of them is no error
          throw thrown;
        };
        assert.equal(isGone(identity({ pid: dead })), gone, JSON.stringify(thrown));
      }
    } finally {
      process.kill = kill;
    }
  });

  it("left work under a name that says so", async () => {
    const name = (who: string) => `.x.tar.${who}-0123abcd.partial`;
    assert.match(workName("x.tar"), new RegExp(`^\\.x\\.tar\\.${identityPattern}-[0-9a-f]{8}\\.partial$`));
    assert.notEqual(workName("x.tar"), workName("x.tar"));
    assert.deepEqual(parseWorkName(workName("x.tar")), { finalName: "x.tar", isDead: false });
    assert.deepEqual(parseWorkName(name(identity({ pid: dead }))), { finalName: "x.tar", isDead: true });
    const locked = workName("x.tar", "0123abcd");
    assert.deepEqual(
      [undefined, "0123abce", "0123abcd"].map((key) => parseWorkName(locked, key)?.isDead),
      [false, false, true],
    );
    for (const other of [
      "x.tar",
      ".x.tar.partial",
      `a${name(identity({ pid: dead }))}`,
      `${name(identity({ pid: dead }))}x`,
    ])
      assert.equal(parseWorkName(other), undefined, other);
    const folder = await temporaryFolder();
    try {
      const [file, below, living] = [
        name(identity({ pid: dead })),
        `.y${name(identity({ pid: dead }))}`,
        workName("x.tar"),
      ] as const;
      await writeFile(path.join(folder, file), "");
      await writeFile(path.join(folder, living), "");
      await mkdir(path.join(folder, below, "deep"), { recursive: true });
      await removeDeadWork(folder);
      assert.deepEqual(await readdir(folder), [living]);
    } finally {
      await removeFolder(folder);
    }
  });
});
