/** A change of the code that loses data, trust or a guarantee. The named tests must fail with it. */
export interface Mutant {
  readonly title: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly text: string;
  readonly replacement: string;
  /** The cheapest test files that notice it. */
  readonly tests: readonly string[];
  /** Runs only tests whose titles contain this. */
  readonly grep?: string;
}
