import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { runRestricted } from "../../../runner/postgres/session/restricted";
import { type FakeDocker, fakeDocker } from "../../support/fake-docker";

describe("a script of a backup", () => {
  const fakes: FakeDocker[] = [];
  afterEach(async () => {
    for (const fake of fakes.splice(0)) await fake.remove();
  });

  /** What psql is given, and how it is called; `help` is what it says of its commands. */
  async function given(container: string, help: string) {
    const fake = await fakeDocker(`printf '%s\\n' '${help}' 'postgis-backup: end of help'`);
    fakes.push(fake);
    const target = { docker: fake.docker, container, env: {}, secretEnv: [] };
    await runRestricted(target, Readable.from(["SELECT 1;\n"]), [], new AbortController().signal);
    const [, asked, input = ""] = /^(.*?end of help\n)(.*)$/s.exec(await fake.input()) ?? [];
    assert.equal(asked, "\\?\n\\echo postgis-backup: end of help\n");
    return { input, calls: await fake.calls() };
  }

  it("is given to a psql that runs no commands, by a key that nobody knows, as a user who owns nothing", async () => {
    const { input, calls } = await given("new", "  \\restrict RESTRICT_KEY");
    assert.match(input, /^\\restrict [0-9a-f]{64}\nSET standard_conforming_strings = on;\nSELECT 1;\n$/);
    const again = await given("newer", "  \\restrict RESTRICT_KEY");
    assert.notEqual(again.input, input);
    assert.equal(calls.length, 1);
    assert.match(calls[0] ?? "", / --user 65534:65534 /);
  });

  it("is given as it is to one that knows no such thing, as the same user", async () => {
    const { input, calls } = await given("old", "  \\q");
    assert.equal(input, "SET standard_conforming_strings = on;\nSELECT 1;\n");
    assert.match(calls[0] ?? "", / --user 65534:65534 /);
  });
});
