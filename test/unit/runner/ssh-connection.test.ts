import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { docker } from "../../../runner/docker/connection";
import type { Docker } from "../../../runner/docker/docker";
import { Failure } from "../../../runner/lib/failure";

/** Listens where -L says, as ssh does, and ends with its input, or by a request for /end. It logs its arguments, one a line. */
const fakeSsh = `#!${process.execPath}
const { appendFileSync, readFileSync } = require("node:fs");
const args = process.argv.slice(2);
appendFileSync(__dirname + "/log", JSON.stringify(args) + "\\n");
const host = args.at(-2);
const say = (text) => process.stderr.write(text + "\\n");
const calls = readFileSync(__dirname + "/log", "utf8").trim().split("\\n").length;
if (host === "refused") {
  say("me@refused: Permission denied (publickey).");
  process.exit(255);
}
if (host === "busy" && calls < 3) {
  say("kex_exchange_identification: Connection closed by remote host");
  process.exit(255);
}
const [local, remote] = args[args.indexOf("-L") + 1].split(":");
const endpoint = host === "rootless" ? "unix:///run/user/1000/docker.sock" : "unix:///var/run/docker.sock";
require("node:http")
  .createServer((request, response) => {
    if (request.url === "/end") {
      say("Connection to " + host + " closed by remote host.");
      process.exit(255);
    }
    response.statusCode = host === "forbidden" ? 403 : 200;
    response.end("OK");
  })
  .listen(local, () => console.log("Welcome!\\n" + (args.at(-1).startsWith("docker") ? endpoint : "unix://" + remote)));
process.stdin.resume().on("end", () => process.exit());
`;

const unix = "unix://";

describe("the connection to a Docker host", function () {
  this.timeout(60_000);
  const { PATH, TMPDIR } = process.env;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "pgb-"));
    await writeFile(path.join(folder, "ssh"), fakeSsh);
    await chmod(path.join(folder, "ssh"), 0o755);
    process.env["PATH"] = `${folder}:${PATH ?? ""}`;
    process.env["TMPDIR"] = folder;
  });
  afterEach(async () => {
    process.env["PATH"] = PATH;
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
    await rm(folder, { recursive: true, force: true });
  });

  const calls = async () =>
    (await readFile(path.join(folder, "log"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as string[]);
  const sockets = async () =>
    (await readdir(folder)).filter((name) => name.startsWith("postgis-backup-ssh-"));

  async function end(connected: Docker): Promise<Failure> {
    const { env, lost } = connected;
    assert.ok(lost);
    const ended = once(lost, "abort");
    await fetchEnd(env["DOCKER_HOST"]?.slice(unix.length) ?? "");
    await ended;
    assert.ok(lost.reason instanceof Failure);
    return lost.reason;
  }

  async function fetchEnd(socketPath: string): Promise<void> {
    const { get } = await import("node:http");
    await new Promise((resolve) => get({ socketPath, path: "/end", agent: false }).once("error", resolve));
  }

  it("is one for all who ask at once, and is lost with the words of ssh; whoever asks then gets another", async () => {
    const address = "ssh://me@one:2222";
    const [first, second] = await Promise.all([docker(address), docker(address)]);
    assert.equal(first, second);
    assert.equal((await calls()).length, 1);
    assert.equal(first.address, address);
    assert.match(first.env["DOCKER_HOST"] ?? "", /^unix:\/\/.*\/docker\.sock$/);
    const { code, message } = await end(first);
    assert.equal(code, "docker-unreachable");
    assert.match(message, /at ssh:\/\/me@one:2222 has ended: Connection to one closed by remote host\./);
    assert.deepEqual(await sockets(), []);
    assert.equal(first.env["DOCKER_HOST"], address, "what is undone now cannot use the socket");
    const next = await docker(address);
    assert.match(next.env["DOCKER_HOST"] ?? "", /^unix:/);
    await end(next);
  });

  it("takes DOCKER_HOST where a request has none", async () => {
    process.env["DOCKER_HOST"] = "ssh://other";
    try {
      const found = await docker(undefined);
      assert.equal(found.address, "ssh://other");
      assert.equal((await docker("tcp://x:1")).env["DOCKER_HOST"], "tcp://x:1");
      await end(found);
    } finally {
      delete process.env["DOCKER_HOST"];
    }
  });

  it("connects again where the host's docker has its daemon elsewhere", async () => {
    const found = await docker("ssh://rootless");
    const forwarded = (await calls()).map((args) => args[args.indexOf("-L") + 1]?.split(":")[1]);
    assert.deepEqual(forwarded, ["/var/run/docker.sock", "/run/user/1000/docker.sock"]);
    assert.equal((await sockets()).length, 1);
    await end(found);
  });

  it("tries again when a busy host closed the connection", async () => {
    const found = await docker("ssh://busy");
    assert.equal((await calls()).length, 3);
    await end(found);
  });

  for (const host of ["refused", "forbidden"])
    it(`leaves a host that says "${host}" to the docker command line, and asks it once`, async () => {
      const address = `ssh://${host}`;
      const found = await docker(address);
      assert.deepEqual({ ...found }, { env: { DOCKER_HOST: address }, address });
      assert.equal(await docker(address), found);
      assert.equal((await calls()).length, 1);
      assert.deepEqual(await sockets(), []);
    });

  it("is given up when the run is interrupted", async () => {
    const reason = new Failure("interrupted", "Interrupted by SIGINT.");
    await assert.rejects(docker("ssh://one", AbortSignal.abort(reason)), reason);
    assert.deepEqual(await sockets(), []);
  });
});
