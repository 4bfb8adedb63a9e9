import assert from "node:assert/strict";
import { addressesOf, isBackendOf } from "../../../runner/postgres/session/connect";
import { chooseServer, readSightings, type View } from "../../../runner/postgres/session/find-server";
import { sessionOptions } from "../../../runner/postgres/session/session";

const pidFile = (
  pid: number,
  port: number,
  socket = "/var/run/postgresql",
  address = "*",
  status = "ready   ",
) =>
  [
    `${pid}`,
    "/var/lib/postgresql/data",
    "1795897664",
    `${port}`,
    socket,
    address,
    "  876556         5",
    status,
  ]
    .map((line) => `file ${line}`)
    .join("\n");
const started =
  "/usr/lib/postgresql/17/bin/postgres -D /var/lib/postgresql/data -c listen_addresses= -p 5432 ";
const seen = (text: string): View => readSightings(text);

const one = `port 5444\nserver\n${pidFile(1, 5432)}\nversion 17\ncommand postgres \nshell sh -c look\n`;

describe("the server of a container", () => {
  it("is what its own files say", () => {
    const { pid, version, port, socket, address, ready } = chooseServer("c", seen(one));
    assert.deepEqual(
      { pid, version, port, socket, address, ready },
      { pid: 1, version: 17, port: 5432, socket: "/var/run/postgresql", address: "*", ready: true },
    );
  });

  it("is of no use in a container that lacks programs", () => {
    const lacking = seen(one.replace("server\n", "lacks head\nlacks tr\nserver\n"));
    assert.throws(() => chooseServer("c", lacking), {
      code: "image-unsuitable",
      message: /Container "c" .*: head, tr\. /,
    });
    assert.throws(() => chooseServer("c", seen("port \nlacks psql\n")), { code: "server-not-found" });
  });

  it("is none while it has not written where it listens", () => {
    const begun = `port \nserver\n${pidFile(1, 5432).split("\n").slice(0, 4).join("\n")}\nversion 17\n`;
    assert.throws(() => chooseServer("c", seen(begun)), { code: "server-not-found" });
    assert.throws(
      () => chooseServer("c", seen("port \nuser 999:999\n")),
      /No PostgreSQL server runs in container "c"/,
    );
    assert.deepEqual(seen("port \nuser 999:999\n").users, ["999:999"]);
  });

  const initialising = (shell: string, command = started) =>
    seen(`port \nserver\n${pidFile(45, 5432, "/run", "")}\nversion 17\ncommand ${command}\nshell ${shell}\n`);

  it("is not that of the init scripts", () => {
    for (const shell of [
      "/bin/bash /usr/local/bin/docker-entrypoint.sh postgres ",
      "bash /docker-entrypoint.sh -c x ",
    ])
      assert.throws(() => chooseServer("c", initialising(shell)), { code: "server-not-ready" });
  });

  it("may have no TCP, whatever starts it", () => {
    const entry = "bash /srv/my-entrypoint.sh ";
    assert.equal(chooseServer("c", initialising(entry, "postgres -c listen_addresses= ")).pid, 45);
    assert.equal(chooseServer("c", initialising("sh /srv/run.sh ")).pid, 45);
  });

  it("is the one of several that PGPORT names", () => {
    const two = (port: string) =>
      seen(
        `port ${port}\nserver\n${pidFile(1, 5432)}\nversion 17\nserver\n${pidFile(80, 5499)}\nversion 17\n`,
      );
    assert.equal(chooseServer("c", two("5499")).pid, 80);
    for (const port of ["", "5433"])
      assert.throws(() => chooseServer("c", two(port)), /2 PostgreSQL servers .*port 5432 .*port 5499/);
  });

  it("is reached by its socket first, wherever that is", () => {
    const server = { port: 5433, dataDirectory: "/data", socket: "sockets", address: "0.0.0.0" };
    assert.deepEqual(addressesOf(server), [
      { host: "/data/sockets", port: 5433 },
      { host: "127.0.0.1", port: 5433 },
    ]);
    assert.deepEqual(addressesOf({ ...server, socket: "@abstract", address: undefined }), [
      { host: "@abstract", port: 5433 },
    ]);
    const elsewhere = addressesOf({ ...server, socket: undefined, address: "10.0.0.5" });
    assert.deepEqual(elsewhere, [{ host: "10.0.0.5", port: 5433 }]);
  });

  it("is proven by a child of its own that is as young as the session", () => {
    const stat = (parent: number, start: number) =>
      `77 (a ) b) S ${parent} 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 ${start} 1 1`;
    const client = stat(5, 1000);
    assert.ok(isBackendOf({ pid: 1 }, [stat(1, 1002), client]));
    assert.ok(!isBackendOf({ pid: 2 }, [stat(1, 1002), client]));
    assert.ok(!isBackendOf({ pid: 1 }, [stat(1, 999), client]));
    assert.ok(!isBackendOf({ pid: 1 }, [client]));
    assert.ok(!isBackendOf({ pid: 1 }, []));
  });

  it("is told only the settings that its version knows", () => {
    assert.doesNotMatch(sessionOptions(13), /idle_session_timeout|transaction_timeout=/);
    assert.match(sessionOptions(14), /-c idle_session_timeout=0/);
    assert.match(
      sessionOptions(17),
      /-c transaction_timeout=0 .*-c default_transaction_isolation=read\\ committed/,
    );
  });
});
