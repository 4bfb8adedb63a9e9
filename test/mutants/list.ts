/** Changes of the code that lose data or trust; the tests that are named beside each must fail with it. */
export interface Mutant {
  readonly title: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly text: string;
  readonly replacement: string;
  readonly tests: readonly string[];
}

export const mutants: readonly Mutant[] = [
  {
    title: "commands of psql are let through",
    file: "runner/postgres/script-scanner.ts",
    text: 'if (token["command"] !== undefined)',
    replacement: 'if (token["command"] === "")',
    tests: ["test/unit/runner/script-safety.test.ts"],
  },
  {
    title: "a COPY with a program is let through",
    file: "runner/postgres/script-scanner.ts",
    text: 'word === "copy" && !isCopy',
    replacement: 'word === "" && !isCopy',
    tests: ["test/unit/runner/script-safety.test.ts"],
  },
  {
    title: "a manifest may name files outside of its folder",
    file: "runner/store/plain-paths.ts",
    text: "if (!plainPath.test(file))",
    replacement: 'if (file === "")',
    tests: ["test/unit/runner/hostile-folder.test.ts"],
  },
  {
    title: "links in a backup are followed",
    file: "runner/store/folder-files.ts",
    text: " | constants.O_NOFOLLOW",
    replacement: "",
    tests: ["test/unit/runner/hostile-folder.test.ts"],
  },
  {
    title: "checksums are not compared",
    file: "runner/store/checked-content.ts",
    text: "if (read.sha256 !== sha256)",
    replacement: 'if (read.sha256 === "")',
    tests: ["test/unit/runner/seal.test.ts", "test/unit/runner/tar.test.ts"],
  },
  {
    title: "fingerprints are not compared",
    file: "runner/compare.ts",
    text: 'recorded.rows === rows ? unequal("fingerprint"',
    replacement: 'recorded.rows !== rows ? unequal("fingerprint"',
    tests: ["test/unit/runner/compare.test.ts"],
  },
  {
    title: "definitions that are missing are not told",
    file: "runner/compare.ts",
    text: "const missing = without(recorded, restored);",
    replacement: "const missing = without(recorded, recorded);",
    tests: ["test/unit/runner/compare.test.ts"],
  },
];
