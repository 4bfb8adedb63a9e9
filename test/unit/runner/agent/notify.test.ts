import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";
import { freePort } from "../../../support/resources";
import { notifier, type RunEvent } from "../../../../runner/agent/notify";

const failure: RunEvent = {
  ...{
    version: 1,
    event: "failure",
    kind: "backup",
    job: "cbm",
    host: "gis-1",
    at: "2026-11-29T02:31:00.000Z",
  },
  error: { code: "table-not-found", message: 'There is no table "nope".' },
};

describe("a notification", () => {
  let folder: string;
  let told: string[];
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "pgb-notify-"));
  });
  beforeEach(() => {
    told = [];
  });
  after(() => rm(folder, { recursive: true }));

  const create = (smtp?: Parameters<typeof notifier>[0]["smtp"]) =>
    notifier({
      smtp: smtp ?? (() => undefined),
      failed: (channel, event, reason) => told.push(`${channel} of ${event.job}: ${reason}`),
      firstPause: 1,
    });

  async function serving(
    answer: (path: string) => number,
    use: (base: string) => Promise<void>,
  ): Promise<string[]> {
    const requests: string[] = [];
    const server: Server = createServer((request, response) => {
      void text(request).then((body) => {
        requests.push(`${request.url ?? ""} ${body}`);
        response.writeHead(answer(request.url ?? "")).end();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    return requests;
  }

  it("is tried again until it is taken", async () => {
    let refusals = 3;
    const requests = await serving(
      () => (refusals-- > 0 ? 500 : 204),
      async (base) => {
        const notify = create();
        notify.tell({ webhook: `${base}/hook` }, failure);
        await notify.settled();
      },
    );
    assert.equal(requests.length, 4);
    assert.deepEqual(JSON.parse(requests[3]?.replace("/hook ", "") ?? ""), failure);
    assert.deepEqual(told, []);
  });

  it("that nobody takes is reported, without its address, which may be a secret", async () => {
    const requests = await serving(
      () => 403,
      async (base) => {
        const notify = create();
        notify.tell({ webhook: `${base}/very-secret` }, failure);
        notify.tell({ ping: `http://127.0.0.1:${await freePort()}/very-secret` }, failure);
        notify.tell({ pingFile: path.join(folder, "missing") }, failure);
        await notify.settled();
      },
    );
    assert.equal(requests.length, 5);
    assert.deepEqual(
      told.filter((line) => line.startsWith("webhook")),
      ["webhook of cbm: the server answers with status 403"],
    );
    assert.equal(told.length, 3);
    assert.match(told.join("\n"), /ping of cbm: fetch failed \(ECONNREFUSED\)/);
    assert.match(told.join("\n"), /ping of cbm: ENOENT/);
    assert.doesNotMatch(told.join("\n"), /very-secret/);
  });

  it("keeps what an address asks for, and leaves verifications to others than a dead man's switch", async () => {
    const requests = await serving(
      () => 200,
      async (base) => {
        const notify = create();
        for (const event of ["start", "success", "failure"] as const)
          notify.tell({ ping: `${base}/id/?rid=7` }, { ...failure, event });
        notify.tell({ ping: `${base}/verify` }, { ...failure, kind: "verify" });
        await notify.settled();
      },
    );
    assert.deepEqual(requests.map((one) => one.split(" ")[0]).sort(), [
      "/id/fail?rid=7",
      "/id/start?rid=7",
      "/id?rid=7",
    ]);
  });

  it("is a mail about a failure, with the server's login from a file", async () => {
    const passwordFile = path.join(folder, "smtp");
    await writeFile(passwordFile, "pass word\n");
    const mails: string[] = [];
    let login: unknown;
    const server = new SMTPServer({
      disabledCommands: ["STARTTLS"],
      allowInsecureAuth: true,
      onAuth({ username, password }, _session, done) {
        login = { username, password };
        done(null, { user: username });
      },
      onData(stream, session, done) {
        void text(stream).then((mail) => {
          mails.push(`${session.envelope.rcptTo.map(({ address }) => address).join()}\n${mail}`);
          done();
        });
      },
    });
    server.listen(0, "127.0.0.1");
    await once(server.server, "listening");
    try {
      const { port } = server.server.address() as AddressInfo;
      const smtp = {
        url: `smtp://127.0.0.1:${port}`,
        user: "backups",
        passwordFile,
        from: "backups@example.org",
      };
      const notify = create(() => smtp);
      notify.tell({ email: ["one@example.org", "two@example.org"] }, failure);
      notify.tell({ email: ["one@example.org"] }, { ...failure, event: "success" });
      await notify.settled();
    } finally {
      await new Promise<void>((resolve) => {
        server.close(resolve);
      });
    }
    assert.deepEqual(told, []);
    assert.deepEqual(login, { username: "backups", password: "pass word" });
    assert.equal(mails.length, 1);
    assert.match(mails[0] ?? "", /^one@example\.org,two@example\.org\n/);
    assert.match(mails[0] ?? "", /^Subject: The backup of cbm failed \(table-not-found\)\r?$/m);
    assert.match(mails[0] ?? "", /There is no table "nope"\./);
  });
});
