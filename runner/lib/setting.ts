/**
 * How messages name a setting. Who types a command line knows options; who writes a Pulumi program knows arguments. One process
 * answers one request, so this is decided once.
 */
let wanted: "option" | "argument" = "option";

/** From now on, messages name the arguments of components. */
export function nameArguments(): void {
  wanted = "argument";
}

/** One of the two, such as `--format custom` and `format: "custom"`. */
export function setting(option: string, argument: string): string {
  return wanted === "option" ? option : argument;
}
