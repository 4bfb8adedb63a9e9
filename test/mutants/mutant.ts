/** A change of the code that loses data, trust or a guarantee; the tests that are named beside it must fail with it. */
export interface Mutant {
  readonly title: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly text: string;
  readonly replacement: string;
  /** Test files, the cheapest that notice it. */
  readonly tests: readonly string[];
  /** Part of the titles of the tests that are run of these files; without it, all are. */
  readonly grep?: string;
}
