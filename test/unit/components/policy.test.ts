import assert from "node:assert/strict";
import type { StackValidationArgs } from "@pulumi/policy";
import { everyContainerHasBackup } from "../../../examples/policy/every-container-has-backup";

const server = {
  type: "postgis-backup:index:PostgisContainer",
  urn: "pg",
  props: { containerName: "pg_spat" },
};
/** The command of a backup, as the component declares it. */
const backupOf = (container: string) => ({
  type: "command:local:Command",
  urn: "backup",
  props: { stdin: JSON.stringify({ container, tables: ["a"] }) },
  parent: { type: "postgis-backup:index:TableBackup" },
});

async function violations(...resources: object[]): Promise<string[]> {
  const reported: string[] = [];
  const args = { resources } as unknown as StackValidationArgs;
  await everyContainerHasBackup.validateStack(args, (message, urn) => {
    reported.push(`${urn ?? ""}: ${message}`);
  });
  return reported;
}

describe("examples/policy", () => {
  it("reports nothing where every server has a backup", async () => {
    assert.deepEqual(await violations(server, backupOf("pg_spat")), []);
  });

  it("reports a server that no backup reads, by the name of its container", async () => {
    const expected = ["pg: pg_spat has no backup: declare a TableBackup with its connection."];
    assert.deepEqual(await violations(server, backupOf("pg_other")), expected);
    assert.deepEqual(await violations(server), expected);
  });
});
