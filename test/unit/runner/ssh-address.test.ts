import assert from "node:assert/strict";
import { directDocker, isLocal, rememberSocket, withAddress } from "../../../runner/docker/docker";
import { isPlainPath, parseSshAddress, sshArguments } from "../../../runner/docker/ssh-address";

const none = { user: undefined, port: undefined, socket: undefined };

describe("the address of a daemon that is reached by ssh", () => {
  const read = {
    "ssh://gis-1": { ...none, host: "gis-1" },
    "ssh://gis-1/": { ...none, host: "gis-1" },
    "ssh://Gis_Host": { ...none, host: "Gis_Host" },
    "ssh://backup@gis-1:2222": { ...none, user: "backup", host: "gis-1", port: "2222" },
    "ssh://gis-1:22": { ...none, host: "gis-1", port: "22" },
    "ssh://an%40other@gis-1": { ...none, user: "an@other", host: "gis-1" },
    "ssh://me@[2001:db8::1]:2222": { ...none, user: "me", host: "2001:db8::1", port: "2222" },
    "ssh://gis-1/run/user/1000/docker.sock": { ...none, host: "gis-1", socket: "/run/user/1000/docker.sock" },
    "ssh://gis-1/a%20b.sock": { ...none, host: "gis-1", socket: "/a b.sock" },
  };
  for (const [address, expected] of Object.entries(read))
    it(`reads ${address}`, () => {
      assert.deepEqual(parseSshAddress(address), expected);
    });

  for (const address of [
    "unix:///var/run/docker.sock",
    "tcp://gis-1:2376",
    "ssh:gis-1",
    "ssh://",
    "ssh://me:secret@gis-1",
    "ssh://gis-1?a=b",
    "ssh://gis-1#a",
    "ssh://gis-1:port",
    "ssh://%zz@gis-1",
  ])
    it(`leaves ${address} to the docker command line`, () => {
      assert.equal(parseSshAddress(address), undefined);
    });

  it("becomes the arguments that the docker command line gives to ssh; no host is an option", () => {
    const address = { user: "me", port: "2222", host: "-oProxyCommand=x", socket: undefined };
    assert.deepEqual(sshArguments(address, ["-L", "a:b"], "cat"), [
      ...[
        "-o",
        "ConnectTimeout=30",
        "-T",
        "-L",
        "a:b",
        "-l",
        "me",
        "-p",
        "2222",
        "--",
        "-oProxyCommand=x",
        "cat",
      ],
    ]);
    assert.deepEqual(sshArguments({ ...none, host: "gis-1" }, [], "cat"), [
      ...["-o", "ConnectTimeout=30", "-T", "--", "gis-1", "cat"],
    ]);
  });

  it("takes only sockets that ssh does not read as something else, and the kernel takes", () => {
    assert.ok(isPlainPath("/tmp/postgis-backup-ssh-a1B2c3/docker.sock"));
    for (const path of [
      "relative",
      "/a:b",
      "/a b",
      "/%h",
      "/${HOME}",
      "/$(id)",
      "/a;b",
      "/a'b",
      `/${"x".repeat(100)}`,
    ])
      assert.ok(!isPlainPath(path), path);
  });
});

describe("a daemon behind a socket of this program", () => {
  it("has the user's address in what docker says", () => {
    const socket = "/tmp/postgis-backup-ssh-x/docker.sock";
    rememberSocket(socket, "ssh://gis-1");
    for (const form of [`unix://${socket}`, socket, `http://${encodeURIComponent(socket)}`])
      assert.equal(
        withAddress(`Cannot connect to ${form}. Is it running?`),
        "Cannot connect to ssh://gis-1. Is it running?",
      );
  });

  it("is not on this machine", async () => {
    const address = "ssh://gis-1";
    assert.equal(await isLocal({ env: { DOCKER_HOST: "unix:///tmp/x/docker.sock" }, address }), false);
    assert.equal(await isLocal(directDocker("unix:///var/run/docker.sock")), true);
    assert.equal(await isLocal(directDocker("tcp://gis-1:2376")), false);
  });
});
