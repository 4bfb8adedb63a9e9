import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

const CommandState = z.object({
  stdin: z.string().optional(),
  stdout: z.string(),
  triggers: z.array(z.unknown()),
});

/** What the stack knew of a command when the update began; undefined where it is new. */
export async function lastState(command: string): Promise<z.infer<typeof CommandState> | undefined> {
  const stackName = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
  const answer: unknown = await pulumi.runtime
    .invoke("pulumi:pulumi:readStackResourceOutputs", { stackName })
    .catch(() => undefined);
  const all = z.object({ outputs: z.record(z.string(), z.unknown()) }).safeParse(answer).data;
  return z.object({ outputs: CommandState }).safeParse(all?.outputs[command]).data?.outputs;
}
