import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type ExecTarget, runTied, type StreamedProcess, streamTied } from "../../../runner/docker/exec";
import { execFilter } from "../../../runner/docker/exec-streamed";
import { type FakeDocker, fakeDocker } from "../../support/fake-docker";

/** Runs the command here, and drops what nobody has read a while after its end, as daemons do. */
const impatientDaemon = `while [ "$1" != container ]; do shift; done; shift
fifo=$(mktemp -u) && mkfifo "$fifo"
cat <"$fifo" & relay=$!
"$@" >"$fifo"; status=$?
rm "$fifo"
sleep 0.3
kill "$relay" 2>/dev/null
exit "$status"`;

const bytes = 1_000_000;

/** Waits where so much is left that buffers take it, so that the process has nothing more to write. */
async function readSlowly({ chunks, ended }: StreamedProcess, left = 350_000): Promise<number> {
  let read = 0;
  let waits = true;
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    read += chunk.length;
    if (waits && read > bytes - left) {
      await sleep(1_000);
      waits = false;
    }
  }
  assert.equal((await ended).failed, false);
  return read;
}

describe("the output of a process in a container", () => {
  const opened: FakeDocker[] = [];
  const { signal } = new AbortController();

  async function target(daemon: string): Promise<ExecTarget> {
    const fake = await fakeDocker(daemon);
    opened.push(fake);
    return { docker: fake.docker, container: "container", env: {}, secretEnv: [] };
  }

  /** A content that counts how much of it was asked for. */
  function counted() {
    let given = 0;
    const content = async function* () {
      for (; given < bytes; given += 100_000) {
        yield Buffer.alloc(100_000, "x");
        await sleep(10);
      }
    };
    return { bytes, content, given: () => given };
  }

  afterEach(async () => {
    for (const fake of opened.splice(0)) await fake.remove();
  });

  it("reaches a slow reader whole", async () => {
    const process = streamTied(
      await target(impatientDaemon),
      ["head", "-c", `${bytes}`, "/dev/zero"],
      signal,
    );
    assert.equal(await readSlowly(process), bytes);
  });

  it("reaches a slow reader whole where the process reads a content", async () => {
    assert.equal(
      await readSlowly(execFilter(await target(impatientDaemon), ["cat"], counted(), signal), 450_000),
      bytes,
    );
  });

  it("is an error where its end is missing", async () => {
    const dropping = await target("printf 'half of it'; exit");
    const dropped = { code: "docker-failed", message: /dropped the end of what a process/ };
    await assert.rejects(readSlowly(streamTied(dropping, ["true"], signal)), dropped);
    await assert.rejects(readSlowly(execFilter(dropping, ["true"], counted(), signal)), dropped);
    await assert.rejects(runTied(await target("exit"), ["true"], signal), dropped);
  });

  it("may miss its end where the process has failed, which is told in its own words", async () => {
    const failing = ["sh", "-c", "printf half; echo reason >&2; exit 3"];
    for (const read of [
      await runTied(await target(impatientDaemon), failing, signal),
      await execFilter(await target(impatientDaemon), failing, counted(), signal).ended,
    ])
      assert.deepEqual([read.exitCode, read.stderr], [3, "reason"]);
  });

  for (const length of [0, 1, 31, 32, 33]) {
    it(`of ${length} bytes comes as it is`, async () => {
      const { stdout } = await runTied(
        await target(impatientDaemon),
        ["sh", "-c", `printf %.${length}s ${"y".repeat(40)}`],
        signal,
      );
      assert.equal(stdout.toString(), "y".repeat(length));
    });
  }

  for (const toEnd of [false, true]) {
    it(`comes when the process has read enough, and the content is ${toEnd ? "read on" : "left"}`, async () => {
      const content = counted();
      const process = execFilter(await target(impatientDaemon), ["head", "-c", "5"], content, signal, {
        toEnd,
      });
      assert.equal(await readSlowly(process), 5);
      assert.equal(content.given() === bytes, toEnd);
    });
  }

  it("ends with the error of the content", async () => {
    const content = () =>
      (async function* () {
        yield Buffer.from("begin");
        await sleep(10);
        throw new Error("not there");
      })();
    const { chunks, ended } = execFilter(
      await target(impatientDaemon),
      ["cat"],
      { bytes: 100, content },
      signal,
    );
    chunks.resume();
    await assert.rejects(ended, /not there/);
  });
});
