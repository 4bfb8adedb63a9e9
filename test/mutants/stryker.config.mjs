/** Stryker mutates pure functions that decide about data, and runs the unit tests that reach each mutant. */
export default {
  plugins: ["@stryker-mutator/mocha-runner"],
  testRunner: "mocha",
  coverageAnalysis: "perTest",
  mutate: [
    "runner/verify/compare.ts",
    "runner/lib/process-identity.ts",
    "runner/prune/retention.ts",
    "runner/postgres/archive/quotes.ts",
    "runner/postgres/archive/ranges.ts",
    "runner/postgres/archive/script-scanner.ts",
    "runner/postgres/catalog/selection.ts",
    "runner/postgres/archive/script-pieces.ts",
    "runner/repository/inconsistency.ts",
    "runner/repository/newest.ts",
    "runner/repository/plain-paths.ts",
    "runner/repository/checksums.ts",
    "runner/lib/work-name.ts",
  ],
  mochaOptions: {
    config: "test/mutants/mocharc.json",
  },
  ignorePatterns: [".cache", "backups", "coverage", "dist", "docs"],
  // Tests assert the parts of messages that matter.
  mutator: { excludedMutations: ["StringLiteral"] },
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: ".cache/stryker",
  cleanTempDir: "always",
  reporters: ["json"],
  jsonReporter: { fileName: ".cache/stryker-report.json" },
  // pure.ts fails for each survivor that equivalent.ts does not list.
  thresholds: { high: 100, low: 100, break: null },
};
