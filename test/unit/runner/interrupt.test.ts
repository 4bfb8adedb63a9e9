import assert from "node:assert/strict";
import { execFed, type ExecTarget, runTied } from "../../../runner/docker/exec";
import { type FakeDocker, fakeDocker } from "../../support/fake-docker";

/** Runs the command here, in a process group of its own, as the daemon does. */
const daemon = `while [ "$1" != container ]; do shift; done; shift; exec setsid --wait "$@"`;

/**
 * Starts slowly, as `pg_dump` can, and says so when it can be interrupted; then ends at a given interrupt. A signal that
 * comes while `psql` is between two statements cancels neither.
 */
const program = (interrupts: number) => `
import signal, sys, time
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
    const { exitCode } = await runTied(
      await target(),
      ["python3", "-c", program(1)],
      AbortSignal.timeout(100),
    );
    assert.equal(exitCode, 9);
  });

  it("ends at the next one: fed, and busy with something else", async () => {
    const session = execFed(await target(), ["python3", "-c", program(2)], { stdin: "pipe", reject: false });
    session.stdout.once("data", () => session.stdin.end());
    assert.equal((await session).exitCode, 9);
  });
});
