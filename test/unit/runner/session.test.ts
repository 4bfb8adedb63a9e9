import assert from "node:assert/strict";
import { openSession } from "../../../runner/postgres/session/session";
import { Failure } from "../../../runner/lib/failure";
import { type FakeDocker, fakeDocker } from "../../support/fake-docker";

describe("a session that is fed rows", () => {
  const fakes: FakeDocker[] = [];
  afterEach(async () => {
    for (const fake of fakes.splice(0)) await fake.remove();
  });

  /** More than any pipe holds. */
  const rows = () => Array.from({ length: 100 }, () => "1\t2\n".repeat(250_000));

  for (const [title, answer] of [
    ["before it reads any", "sleep 0.3; echo 'ERROR:  the disk is full' >&2; exit 3"],
    ["after it read some", "head -c 3000000 >/dev/null; echo 'ERROR:  the disk is full' >&2; exit 3"],
  ] as const)
    it(`says why psql ended ${title}`, async () => {
      const fake = await fakeDocker(answer);
      fakes.push(fake);
      const target = { docker: fake.docker, container: "gis", env: {}, secretEnv: [] };
      const session = openSession(target, new AbortController().signal);
      await assert.rejects(
        session.feed(rows()),
        (error) => error instanceof Failure && /the disk is full/.test(error.message),
      );
      await session.close();
    });
});
