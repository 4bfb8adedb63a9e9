/** Reads the configuration of the agent, and everything that it refers to, and says at once what is wrong with it. */
import { access, constants, readFile } from "node:fs/promises";
import path from "node:path";
import { Failure, Failures } from "../lib/failure";
import { parseYaml } from "../lib/yaml";
import { openRepository } from "../repository/open";
import { AgentConfig, completeJob, isS3Url, parseInWords } from "../request";

/** The configuration in a file; its relative folders and files are meant from the folder of that file. */
export async function readAgentConfig(file: string): Promise<AgentConfig> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure("usage", `${file} cannot be read: ${(error as Error).message}.`);
  });
  const content = parseYaml(text, file);
  const { data, problems = [] } = parseInWords(
    AgentConfig,
    resolvePaths(content, path.dirname(path.resolve(file))),
  );
  Failures.throwIfAny(
    problems.map(
      ({ path: place, message }) => new Failure("usage", `${file}: ${inConfig(content, place)} ${message}`),
    ),
  );
  if (data === undefined) throw new Error("neither a configuration nor a problem");
  return data;
}

/** Fails with everything that would keep a job from its work: folders and files that cannot be used. */
export async function checkAgentConfig(config: AgentConfig, signal: AbortSignal): Promise<void> {
  const jobs = config.jobs.map((job) => completeJob(config, job));
  const readable = new Map<string, string>();
  for (const { name, source, notify } of jobs)
    for (const [what, file] of [
      ["source.passwordFile", source.passwordFile],
      ["notify.webhookFile", notify.webhookFile],
      ["notify.pingFile", notify.pingFile],
    ])
      if (file !== undefined) readable.set(file, `job ${name}: ${what ?? ""}`);
  if (config.smtp?.passwordFile !== undefined) readable.set(config.smtp.passwordFile, "smtp.passwordFile");
  const found: Failure[] = [];
  for (const [file, what] of readable)
    await access(file, constants.R_OK).catch((error: unknown) => {
      found.push(new Failure("usage", `${what}: ${file} cannot be read: ${(error as Error).message}.`));
    });
  // A bucket may be out of reach for a while; the jobs try again then.
  for (const { name, repository } of jobs)
    if (!isS3Url(repository))
      await openRepository({ repository }, signal)
        .check(name)
        .catch((error: unknown) => {
          if (!(error instanceof Failure)) throw error;
          found.push(new Failure(error.code, `job ${name}: ${error.message}`));
        });
  Failures.throwIfAny(found);
}

/** Settings that are paths, or may be. */
const paths = /^(repository|copies|workDirectory|\w*File)$/;

function resolvePaths(value: unknown, folder: string, isPath = false): unknown {
  if (typeof value === "string")
    return isPath && value !== "" && !isS3Url(value) ? path.resolve(folder, value) : value;
  if (Array.isArray(value)) return value.map((one) => resolvePaths(one, folder, isPath));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, resolvePaths(inner, folder, paths.test(key))]),
  );
}

/** Names a job, whose number nobody counts, by its name. */
function inConfig(content: unknown, [first = "", index = "", ...rest]: readonly string[]): string {
  if (first !== "jobs" || index === "")
    return [first, index, ...rest].filter((part) => part !== "").join(".");
  const { jobs } = content as { jobs: readonly ({ name?: unknown } | undefined)[] };
  const name = jobs[Number(index)]?.name;
  const job = typeof name === "string" ? `job ${name}` : `job ${Number(index) + 1}`;
  return rest.length === 0 ? `${job}:` : `${job}: ${rest.join(".")}`;
}
