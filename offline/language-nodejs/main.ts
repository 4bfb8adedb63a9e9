import { parseArgs } from "node:util";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import { serve } from "../grpc/serve";
import { languageService } from "./service";

/** Converts Go's one-dash flags, which the engine passes, to the form that Node.js parses. */
function dashed(argument: string): string {
  return argument.startsWith("-") && !argument.startsWith("--") ? `-${argument}` : argument;
}

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).map(dashed),
  options: { tracing: { type: "string" }, runtime: { type: "string" } },
  allowPositionals: true,
});

if (values.runtime !== undefined && values.runtime !== "nodejs") {
  throw new Error(`unsupported runtime: ${values.runtime}`);
}

void serve(
  LanguageRuntimeService,
  languageService({ engineAddress: positionals[0] ?? "", tracing: values.tracing }),
);
