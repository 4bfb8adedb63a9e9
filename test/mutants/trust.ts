/** Mutants of ownership: which server, volume and process is whose. */
import type { Mutant } from "./mutant";

export const trustMutants: readonly Mutant[] = [
  {
    title: "another server may answer",
    file: "runner/postgres/session/connect.ts",
    text: "    if (!isBackendOf(server, seen)) throw foreign(base);\n",
    replacement: "",
    tests: ["test/e2e/right-server.test.ts"],
    grep: "or not at all",
  },
  {
    title: "any process counts as a backend of the server",
    file: "runner/postgres/session/connect.ts",
    text: "return backend.parent === pid && ",
    replacement: "return ",
    tests: ["test/unit/runner/find-server.test.ts"],
  },
  {
    title: "an older process counts as a backend of the server",
    file: "runner/postgres/session/connect.ts",
    text: " && backend.started >= client.started",
    replacement: "",
    tests: ["test/unit/runner/find-server.test.ts"],
  },
  {
    title: "the temporary server of the init scripts counts as the server",
    file: "runner/postgres/session/find-server.ts",
    text: "const begun = servers.filter((server) => !(firstStart && initialises(server)));",
    replacement: "const begun = servers;",
    tests: ["test/unit/runner/find-server.test.ts"],
  },
  {
    title: "a foreign volume is used",
    file: "runner/server/owner.ts",
    text: "if (found === owner || adopted.includes(found)) return adopted;",
    replacement: 'if (found !== "") return adopted;',
    tests: ["test/unit/runner/owner.test.ts"],
  },
  {
    title: "a volume in use is taken over",
    file: "runner/server/owner.ts",
    text: "if (found === adopt && user === undefined)",
    replacement: "if (found === adopt)",
    tests: ["test/unit/runner/owner.test.ts"],
  },
  {
    title: "a stack forgets its owner",
    file: "runner/server/owner.ts",
    text: 'if (again !== "") return PreflightResult.parse(JSON.parse(again));',
    replacement: "",
    tests: ["test/unit/runner/owner.test.ts"],
  },
  {
    title: "a volume that loses its name is deleted",
    file: "runner/server/owner.ts",
    text: '  throw new Failure(\n    "volume-not-kept",',
    replacement: '  if (last !== "") return;\n  throw new Failure(\n    "volume-not-kept",',
    tests: ["test/unit/runner/owner.test.ts"],
  },
  {
    title: "a restore runs again with its container",
    file: "components/shared/identity.ts",
    text: "  return pulumi.output(bare) as pulumi.Output<pulumi.Unwrap<T>>;",
    replacement: "  return output;",
    tests: ["test/unit/components/table-restore.test.ts"],
  },
  {
    title: "a restore runs again when its container has another name",
    file: "components/shared/restore-backup.ts",
    text: "container: server.apply(serverIdentity), database",
    replacement: "container: server.container, database",
    tests: ["test/unit/components/table-restore.test.ts"],
  },
  {
    title: "a process of another machine counts as dead",
    file: "runner/lib/process-identity.ts",
    text: "if (space !== processSpace()) return false;",
    replacement: "if (space === undefined) return false;",
    tests: ["test/faults/transfer-export.test.ts"],
    grep: "nothing that lives",
  },
];
