import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

/** Collects every resource that a program registers; custom ones get an id and their inputs as outputs. */
export async function startMocks(
  options: {
    stdout?: string;
    preview?: boolean;
    outputs?: Record<string, object>;
    /** What the stack knows of its resources from the update before, by their URNs. */
    last?: Record<string, object>;
  } = {},
): Promise<Registered[]> {
  const registered: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs: inputs as Record<string, unknown> });
        const state =
          type === "command:local:Command" && !options.preview ? { stdout: options.stdout ?? "" } : {};
        const computed = options.preview ? {} : (options.outputs?.[type] ?? {});
        return {
          id: options.preview ? undefined : `${name}-id`,
          state: { ...(inputs as object), ...computed, ...state },
        };
      },
      call: ({ token, inputs }) =>
        token === "pulumi:pulumi:readStackResourceOutputs" && options.last !== undefined
          ? {
              outputs: Object.fromEntries(
                Object.entries(options.last).map(([urn, outputs]) => [urn, { outputs }]),
              ),
            }
          : (inputs as Record<string, unknown>),
    },
    "postgis-backup",
    "test",
    options.preview ?? false,
    "acme",
  );
  return registered;
}

/** The value of an output; undefined while it is unknown. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T | undefined> {
  return (output as unknown as { promise(): Promise<T | undefined> }).promise();
}

/** Until everything that was declared is registered, or has failed. */
export function settled(): Promise<void> {
  return pulumi.runtime.disconnect(false);
}

/** How a secret travels to the engine, which encrypts what is marked like this. */
export function secret(value: unknown): unknown {
  return { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value };
}

/** In a preview: the output of a resource that does not exist yet. */
export function unknownOutput(): pulumi.Output<string> {
  return new command.local.Command("unknown", { create: "true" }).stdout;
}
