import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { execFed, type ExecTarget, runTied, shell } from "../../../runner/docker/exec";
import tieReader from "../../../runner/docker/tie-reader.sh";
import { type FakeDocker, fakeDocker } from "../../support/fake-docker";
import { waitUntil } from "../../support/wait";

/** Runs the command here, in a process group of its own, as the daemon does. */
const daemon = `while [ "$1" != container ]; do shift; done; shift; exec setsid --wait "$@"`;

/**
 * Starts slowly, as `pg_dump` can, and says so when it can be interrupted; then ends at a given interrupt. A signal that
 * comes while `psql` is between two statements cancels neither.
 */
const program = (interrupts: number) => `
import signal, sys, time
print("starting", file=open(sys.argv[1], "w") if len(sys.argv) > 1 else sys.stderr)
time.sleep(0.5)
left = ${interrupts}
def interrupted(*_):
    global left
    left -= 1
    if left == 0: sys.exit(9)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
end = time.monotonic() + 20
while time.monotonic() < end: time.sleep(0.1)`;

describe("a process that misses an interrupt", () => {
  const opened: FakeDocker[] = [];

  async function target(): Promise<ExecTarget> {
    const fake = await fakeDocker(daemon);
    opened.push(fake);
    return { docker: fake.docker, container: "container", env: {}, secretEnv: [] };
  }

  afterEach(async () => {
    for (const fake of opened.splice(0)) await fake.remove();
  });

  it("ends at the next one: tied, and still starting", async () => {
    const tied = await target();
    const started = path.join(tied.docker.env["PATH"]?.split(":", 1)[0] ?? "", "started");
    const aborting = new AbortController();
    const running = runTied(tied, ["python3", "-c", program(1), started], aborting.signal);
    await waitUntil("the program's start", () => Promise.resolve(existsSync(started)), 20);
    aborting.abort();
    assert.equal((await running).exitCode, 9);
  });

  it("ends at the next one: fed, and busy with something else", async () => {
    const session = execFed(await target(), ["python3", "-c", program(2)], { stdin: "pipe", reject: false });
    session.stdout.once("data", () => session.stdin.end());
    assert.equal((await session).exitCode, 9);
  });

  it("ends at the next one: fed, and its cat still starting when it has ended", async () => {
    const fed = await target();
    const cat = path.join(fed.docker.env["PATH"]?.split(":", 1)[0] ?? "", "cat");
    await writeFile(cat, '#!/bin/sh\ntrap "" USR1; sleep 0.5; trap - USR1; exec /bin/cat\n', { mode: 0o755 });
    const session = execFed(fed, ["sh", "-c", "exit 9"], { stdin: "pipe", reject: false });
    assert.equal((await session).exitCode, 9);
  });

  it("ends however soon its input ends", async function () {
    this.timeout(120_000);
    const [program = "", ...args] = shell(tieReader, "true");
    const runs = async () => {
      for (let run = 0; run < 20; run++) {
        const options = { stdin: "ignore", timeout: 10_000, reject: false } as const;
        assert.ok(!(await execa("setsid", ["--wait", program, ...args], options)).timedOut);
      }
    };
    await Promise.all(Array.from({ length: 30 }, runs));
  });
});
