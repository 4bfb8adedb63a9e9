import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type ExecTarget, readProcess, runTied, execFilter } from "../../../runner/docker/exec";
import { inSnapshot } from "../../../runner/postgres/session/snapshot-reader";
import { type FakeDocker, fakeDocker } from "../../support/fake-docker";

/** Runs the command here, takes its time to hand on what that writes, and drops the rest when it ends. */
const impatientDaemon = `while [ "$1" != container ]; do shift; done; shift
fifo=$(mktemp -u) && mkfifo "$fifo"
{ sleep 0.3; exec cat; } <"$fifo" & relay=$!
"$@" >"$fifo"; status=$?
rm "$fifo"
kill "$relay" 2>/dev/null
exit "$status"`;

describe("the output of a process in a container", () => {
  const opened: FakeDocker[] = [];
  const { signal } = new AbortController();

  async function target(daemon: string): Promise<ExecTarget> {
    const fake = await fakeDocker(daemon);
    opened.push(fake);
    return { docker: fake.docker, container: "container", env: {}, secretEnv: [] };
  }

  const short = { bytes: 5, content: () => chunksOf("hello") };
  async function* chunksOf(...texts: string[]) {
    for (const text of texts) {
      yield Buffer.from(text);
      await sleep(10);
    }
  }

  afterEach(async () => {
    for (const fake of opened.splice(0)) await fake.remove();
  });

  for (const length of [0, 1, 31, 32, 33, 200_000]) {
    it(`reaches a slow reader whole, with ${length} bytes`, async () => {
      const command = ["head", "-c", `${length}`, "/dev/zero"];
      const { stdout, failed } = await runTied(await target(impatientDaemon), command, signal);
      assert.equal(failed, false);
      assert.deepEqual(stdout, Buffer.alloc(length));
    });
  }

  it("reaches a slow reader whole where the process reads a content", async () => {
    const { stdout, failed } = await readProcess(
      execFilter(await target(impatientDaemon), ["tr", "a-z", "A-Z"], short, signal),
    );
    assert.deepEqual([failed, stdout.toString()], [false, "HELLO"]);
  });

  it("comes from a process whose input is a file that it can read twice, and that has no name", async () => {
    const twice = "cat /dev/stdin; cat /dev/stdin; readlink /proc/self/fd/0";
    const { stdout } = await runTied(await target(impatientDaemon), ["sh", "-c", twice], signal, {
      input: "hello",
    });
    assert.match(stdout.toString(), /^hellohello\/.* \(deleted\)\n$/);
  });

  it("is an error where its end is missing", async () => {
    const dropping = await target("printf 'half of it'; exit");
    const dropped = { code: "docker-failed", message: /dropped the end of what a process/ };
    await assert.rejects(runTied(dropping, ["true"], signal), dropped);
    await assert.rejects(readProcess(execFilter(dropping, ["cat"], short, signal)), dropped);
    await assert.rejects(runTied(await target("exit"), ["true"], signal), dropped);
  });

  it("is an error where it is read line by line", async () => {
    const oneRow = await target(`printf '{"rows": 1}\\n'; exit`);
    const row = z.object({ rows: z.number() });
    await assert.rejects(inSnapshot(oneRow, "1-1", signal)([{ text: "a" }, { text: "b" }], row), {
      code: "docker-failed",
      message: /dropped the end of what a process/,
    });
  });

  it("may miss its end where the process has failed, which is told in its own words", async () => {
    const failing = ["sh", "-c", "printf half; echo reason >&2; exit 3"];
    const daemon = await target(impatientDaemon);
    for (const { exitCode, stderr } of [
      await runTied(daemon, failing, signal),
      await readProcess(execFilter(daemon, failing, short, signal)),
    ])
      assert.deepEqual([exitCode, stderr], [3, "reason"]);
  });

  for (const toEnd of [false, true]) {
    it(`comes when the process has read enough, and the content is ${toEnd ? "read on" : "left"}`, async () => {
      let given = 0;
      const pieces = 100;
      const content = async function* () {
        for (; given < pieces; given++) yield* chunksOf("x".repeat(10_000));
      };
      const filter = execFilter(
        await target(impatientDaemon),
        ["head", "-c", "5"],
        { bytes: pieces * 10_000, content },
        signal,
        { toEnd },
      );
      assert.equal((await readProcess(filter)).stdout.toString(), "xxxxx");
      assert.equal(given === pieces, toEnd);
    });
  }

  it("ends with the error of the content", async () => {
    const content = async function* () {
      yield* chunksOf("begin");
      throw new Error("not there");
    };
    const daemon = await target(impatientDaemon);
    const filter = execFilter(daemon, ["cat"], { bytes: 100, content }, signal);
    await assert.rejects(readProcess(filter), /not there/);
  });
});
