/** Mutants of pure functions that decide about data, each run against the unit tests that reach it. */
export default {
  plugins: ["@stryker-mutator/mocha-runner"],
  testRunner: "mocha",
  coverageAnalysis: "perTest",
  mutate: [
    "runner/compare.ts",
    "runner/process-identity.ts",
    "runner/retention.ts",
    "runner/postgres/quotes.ts",
    "runner/postgres/ranges.ts",
    "runner/postgres/script-scanner.ts",
    "runner/postgres/selection.ts",
    "runner/restore/script-pieces.ts",
    "runner/store/inconsistency.ts",
    "runner/store/newest.ts",
    "runner/store/plain-paths.ts",
    "runner/store/seal.ts",
    "runner/store/work-name.ts",
  ],
  mochaOptions: {
    config: "test/mutants/mocharc.json",
  },
  ignorePatterns: [".cache", "backups", "coverage", "dist", "docs"],
  // Words of messages; tests assert what matters of them.
  mutator: { excludedMutations: ["StringLiteral"] },
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: ".cache/stryker",
  cleanTempDir: "always",
  reporters: ["json"],
  jsonReporter: { fileName: ".cache/stryker-report.json" },
  // pure.ts fails with each survivor that is not known to be equivalent.
  thresholds: { high: 100, low: 100, break: null },
};
