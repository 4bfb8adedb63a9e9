/**
 * What the control plane (components) and people (the command line) ask of the runner, and what it answers.
 * Components and the runner share these schemas and nothing else.
 */
export * from "./agent";
export * from "./agent-ready";
export * from "./backup";
export * from "./choices";
export * from "./duration";
export * from "./list";
export { isS3Url } from "./location";
export * from "./migrate";
export * from "./preflight";
export * from "./ready";
export * from "./repository";
export * from "./restore";
export * from "./retention";
export * from "./server";
export * from "./transfer";
export * from "./verify";
export { didYouMean, parseInWords } from "./problems";
