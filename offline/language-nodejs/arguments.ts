import type { RunRequest } from "@pulumi/pulumi/proto/language_pb";

/** The arguments of @pulumi/pulumi/cmd/run for one run of a program. */
export function runArguments(
  request: RunRequest,
  engineAddress: string,
  tracing: string | undefined,
): string[] {
  const info = request.getInfo();
  const flags: [name: string, value: string | undefined][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engineAddress],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", info?.getRootDirectory()],
    ["stack", request.getStack()],
    ["pwd", info?.getProgramDirectory()],
    ["parallel", String(request.getParallel())],
    ["tracing", tracing],
  ];
  return [
    ...flags.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [`--${name}`, value])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info?.getEntryPoint() ?? ".",
    ...request.getArgsList(),
  ];
}

/** Converts the stack's configuration for the SDK, which expects `package:config:key` for each `package:key`. */
export function runEnvironment(request: RunRequest): Record<string, string> {
  const entries = request.getConfigMap().getEntryList();
  const config = entries.map(([key, value]) => {
    const [namespace, ...rest] = key.split(":");
    return [rest.length === 1 ? `${namespace ?? ""}:config:${rest[0] ?? ""}` : key, value];
  });
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(config)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };
}
