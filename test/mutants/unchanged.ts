import type { Mutant } from "./mutant";

/** Each would share rows that may have changed, or that are damaged. */
export const unchangedMutants: readonly Mutant[] = [
  {
    title: "rows that have moved are shared",
    file: "runner/backup/unchanged.ts",
    text: " && measure.places === unchangedIf?.places",
    replacement: "",
    tests: ["test/e2e/unchanged.test.ts"],
    grep: "shares exactly",
  },
  {
    title: "tables whose columns changed are shared",
    file: "runner/backup/unchanged.ts",
    text: " || now.columns !== columns",
    replacement: "",
    tests: ["test/e2e/unchanged.test.ts"],
    grep: "shares exactly",
  },
  {
    title: "tables that have other files are shared",
    file: "runner/backup/unchanged.ts",
    text: "now?.storage !== file || ",
    replacement: "now === undefined || ",
    tests: ["test/e2e/unchanged.test.ts"],
    grep: "shares exactly",
  },
  {
    title: "a damaged file is shared",
    file: "runner/repository/files.ts",
    text: "if (sha256 === recorded.sha256) return true;",
    replacement: "if (sha256 !== '') return true;",
    tests: ["test/e2e/unchanged.test.ts"],
    grep: "damaged, and both",
  },
  {
    title: "the permissions of an earlier backup change",
    file: "runner/repository/files.ts",
    text: "(stats.mode & 0o777) === fileMode && ",
    replacement: "fileMode >= 0 && ",
    tests: ["test/e2e/unchanged.test.ts"],
    grep: "permissions of the earlier",
  },
  {
    title: "rows are shared for ever",
    file: "runner/backup/unchanged.ts",
    text: "dumped === undefined || dumped < notBefore",
    replacement: "dumped === undefined || notBefore > new Date()",
    tests: ["test/e2e/unchanged.test.ts"],
    grep: "too old",
  },
];
