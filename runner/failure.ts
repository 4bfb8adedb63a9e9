/**
 * A failure that the user can act on. Its message says what is wrong, where, and what to do; it is printed
 * without a stack trace. Any other error is a defect of this program.
 */
export class Failure extends Error {
  override readonly name = "Failure";
}
