import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, stackForEachTest, succeed } from "./plugin-stack";

const COMMAND = "command:local:Command";

describe("the offline command provider", function () {
  this.timeout(120_000);
  const stack = stackForEachTest();

  const log = (): string => join(stack.folder, "log");
  const logged = async (): Promise<string[]> =>
    existsSync(log()) ? (await readFile(log(), "utf8")).trim().split("\n") : [];

  function program(args: string): Promise<void> {
    return stack.program(`
      const log = ${JSON.stringify(log())};
      const c = new command.local.Command("c", ${args});
      exports.out = c.stdout;`);
  }

  it("replaces when triggers change, running create, then the old delete", async () => {
    const args = (trigger: number): string => `{
      create: "echo create ${trigger} >> " + log,
      update: "echo update >> " + log,
      delete: "echo delete ${trigger} >> " + log,
      triggers: [${trigger}, { nested: ["x"] }],
    }`;
    await program(args(1));
    await succeed(stack.up());
    assert.match(await succeed(stack.up()), /2 unchanged/);
    await program(args(2));
    assert.match(await succeed(stack.up()), /1 replaced/);
    assert.deepEqual(await logged(), ["create 1", "create 2", "delete 1"]);
    await succeed(stack.destroy());
    assert.deepEqual((await logged()).at(-1), "delete 2");
  });

  it("updates when anything else changes, and an update can keep the output", async () => {
    const args = (secret: string): string => `{
      create: "echo first",
      update: 'printf %s "$PULUMI_COMMAND_STDOUT"; echo update >> ' + log,
      environment: { PGPASSWORD: pulumi.secret("${secret}") },
    }`;
    await program(args("password-one"));
    await succeed(stack.up());
    await program(args("password-two"));
    assert.match(await succeed(stack.up()), /1 updated/);
    assert.deepEqual(await logged(), ["update"]);
    assert.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "first");
  });

  it("runs create again on a change where no update is given", async () => {
    await program(`{ create: "echo $A", environment: { A: "one" } }`);
    await succeed(stack.up());
    await program(`{ create: "echo $A", environment: { A: "two" } }`);
    assert.match(await succeed(stack.up()), /1 updated/);
    assert.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "two");
  });

  it("keeps a secret environment out of the state, and its output is no secret", async () => {
    await program(`{ create: "echo out", environment: { A: pulumi.secret("very-hidden") } }`);
    await succeed(stack.up());
    assert.doesNotMatch(await stack.stateText(), /very-hidden/);
    assert.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "out");
    assert.match((await stack.cli("stack", "output")).output, /out +out/);
  });

  it("leaves no state when create fails, and says what failed", async () => {
    await program(`{ create: "echo broken; exit 3", delete: "echo delete >> " + log, logging: "none" }`);
    const output = await fail(stack.up());
    assert.match(output, /exit status 3: running "echo broken; exit 3":\s+broken/);
    assert.doesNotMatch(output, /\n\s+at /);
    assert.equal(await stack.resource(COMMAND), undefined);
    await succeed(stack.destroy());
    assert.deepEqual(await logged(), []);
  });

  it("keeps the old state when update fails, and tries again", async () => {
    await program(`{ create: "echo one", update: "exit 4", environment: { A: "1" } }`);
    await succeed(stack.up());
    await program(`{ create: "echo one", update: "exit 4", environment: { A: "2" } }`);
    assert.match(await fail(stack.up()), /exit status 4/);
    const kept = await stack.resource(COMMAND);
    assert.deepEqual([kept?.inputs?.["environment"], kept?.outputs?.["stdout"]], [{ A: "1" }, "one"]);
    assert.match(await fail(stack.up()), /exit status 4/);
  });

  it("runs nothing in a preview", async () => {
    await program(`{ create: "echo create >> " + log }`);
    assert.match(await succeed(stack.cli("preview")), /2 to create/);
    assert.deepEqual(await logged(), []);
  });

  it("shows each line as it comes, unless logging is none", async () => {
    await program(`{ create: "echo from stdout; echo from stderr >&2" }`);
    const output = await succeed(stack.up());
    assert.match(output, /creating.* from stdout/);
    assert.match(output, /creating.* from stderr/);
    await program(`{ create: "echo quiet", logging: "none" }`);
    assert.doesNotMatch(await succeed(stack.up()), /updat.* quiet/);
  });

  it("kills the shell when the run is interrupted", async () => {
    const pidFile = join(stack.folder, "pid");
    await stack.program(
      `new command.local.Command("c", { create: "echo $$ > ${pidFile}; exec sleep 300" });`,
    );
    const run = stack.start("up", "--yes", "--skip-preview");
    while (!existsSync(pidFile) || (await readFile(pidFile, "utf8")) === "") await sleep(50);
    const pid = (await readFile(pidFile, "utf8")).trim();
    run.kill("SIGINT");
    const ended = await Promise.race([run, sleep(30_000)]);
    if (ended === undefined) {
      process.kill(Number(pid));
      await run;
    }
    assert.ok(ended?.failed, "the run went on");
    assert.match(ended.all, /signal: killed/);
    assert.equal(existsSync(`/proc/${pid}`), false);
  });

  it("refuses what it does not cover", async () => {
    await program(`{ create: "true", assetPaths: ["*"] }`);
    assert.match(await fail(stack.up()), /does not cover Command\.assetPaths/);
    await stack.program(`new command.remote.Command("r", { connection: { host: "h" }, create: "true" });`);
    assert.match(await fail(stack.up()), /offline command provider does not cover command:remote:Command/);
    await stack.program(`exports.x = command.local.runOutput({ command: "true" }).stdout;`);
    assert.match(await fail(stack.up()), /does not cover the function command:local:run/);
  });
});
