import type * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { checkedRequest } from "./check";
import { childOptions } from "./component";
import { runnerCommand } from "./runner-command";

interface Verb<Request extends z.ZodObject, Result extends z.ZodType> {
  readonly verb: string;
  readonly requestSchema: Request;
  readonly request: pulumi.Inputs;
  /** The argument that a property of the request comes from, where that has another name. */
  readonly argumentOf: Readonly<Record<string, string>>;
  readonly resultSchema: Result;
  readonly password?: pulumi.Input<string> | undefined;
  /** A change of any of these runs the verb again; nothing else does. */
  readonly triggers: pulumi.Input<pulumi.Input<unknown>[]>;
}

interface Ran<Request extends z.ZodObject, Result extends z.ZodType> {
  readonly command: command.local.Command;
  readonly request: pulumi.Output<z.input<Request>>;
  readonly result: pulumi.Output<z.output<Result>>;
}

/** A child of a component that runs a verb of the runner once, and again when one of its triggers changes. */
export function runVerb<Request extends z.ZodObject, Result extends z.ZodType>(
  name: string,
  verb: Verb<Request, Result>,
  parent: pulumi.ComponentResource,
  opts: pulumi.ComponentResourceOptions | undefined,
  ...dependsOn: pulumi.Resource[]
): Ran<Request, Result> {
  const request = checkedRequest(verb.requestSchema, verb.request, parent, verb.argumentOf);
  const command = runnerCommand(
    name,
    { verb: verb.verb, request, password: verb.password, triggers: verb.triggers, onUpdate: "keep" },
    childOptions(parent, opts, ...dependsOn),
  );
  const result = command.stdout.apply((stdout) => verb.resultSchema.parse(JSON.parse(stdout)));
  return { command, request, result };
}
