import { setTimeout } from "node:timers/promises";
import {
  describeState,
  findByName,
  findContainer,
  hasDied,
  type Inspection,
  lastLogLines,
  noContainer,
} from "../docker/container";
import { docker as dockerFor } from "../docker/connection";
import type { Docker } from "../docker/docker";
import { whileRunning } from "../docker/watch";
import { execInteractive, type ExecTarget } from "../docker/exec";
import { connectedTarget, isOfServer } from "../postgres/session/connect";
import { escapeIdentifier } from "../postgres/session/escape";
import { Failure } from "../lib/failure";
import { errorLines, passwordVariable, psql } from "../postgres/session/server";
import type { Progress } from "../lib/progress";
import type { ReadyRequest } from "../request";

const pollMilliseconds = 500;

/** A question to a paused container would wait for ever. */
const execMilliseconds = 15_000;
const logLines = 20;

/**
 * Waits until the server in the container answers and has the database. Where PGPASSWORD is set, it becomes the
 * user's password: the image applies its variable only when it initialises a new volume.
 */
export async function ready(request: ReadyRequest, progress: Progress, signal: AbortSignal): Promise<void> {
  const target = await answering(request, progress, signal);
  const password = process.env[passwordVariable];
  if (password === undefined) return;
  await whileRunning(target.docker, target.container, signal, () => setPassword(target, request, password));
}

/** Waits until the server in the container answers and has the database. */
export async function answering(
  request: ReadyRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExecTarget> {
  const docker = await dockerFor(request.dockerHost, signal);
  const container = await findByName(docker, request.container);
  if (container === undefined) throw await noContainer(docker, request.container);
  await failIfDead(docker, container, container, request);
  return waitForServer(docker, container, request, progress, signal);
}

async function waitForServer(
  docker: Docker,
  container: Inspection,
  request: ReadyRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExecTarget> {
  const started = performance.now();
  let noted = 0;
  for (;;) {
    const tried = await tryConnection(docker, container, request, signal);
    if (!(tried instanceof Error)) return tried;
    const now = await findContainer(docker, container.Id);
    if (now === undefined)
      throw new Failure(
        "container-lost",
        `Container "${request.container}" was removed before its server answered.`,
      );
    await failIfDead(docker, container, now, request);
    const seconds = (performance.now() - started) / 1000;
    if (seconds > request.timeout) {
      throw new Failure(
        "server-not-ready",
        `The server in container "${request.container}" did not answer within ${request.timeout} s: ${tried.message}\nIts last log lines:\n` +
          (await lastLogLines(docker, container.Id, logLines)),
      );
    }
    if (seconds > noted + 10) {
      noted = seconds;
      progress.note(
        `Waiting for the server in container "${request.container}", ${Math.round(seconds)} s so far.`,
      );
    }
    await setTimeout(pollMilliseconds, undefined, { signal });
  }
}

async function failIfDead(
  docker: Docker,
  before: Inspection,
  now: Inspection,
  request: ReadyRequest,
): Promise<void> {
  if (!hasDied(before, now)) return;
  const lastLines = await lastLogLines(docker, now.Id, logLines);
  throw new Failure(
    "server-not-ready",
    `Container "${request.container}" died before its server answered (${describeState(now)}).` +
      `${await halfInitialised(docker, now)} Its last log lines:\n${lastLines}`,
  );
}

/** If the initialisation of a volume breaks off, the image takes the volume for complete at the next start. */
async function halfInitialised(docker: Docker, container: Inspection): Promise<string> {
  const log = await lastLogLines(docker, container.Id, 100_000);
  const broken =
    /initdb|The files belonging to this database/.test(log) &&
    !log.includes("PostgreSQL init process complete");
  const volume = container.Mounts.find(({ Type }) => Type === "volume")?.Name;
  if (!broken || volume === undefined) return "";
  return (
    ` It was initialising volume ${volume}, which is now incomplete: remove both before the next try, with ` +
    `"docker rm --force ${container.Name.slice(1)} && docker volume rm ${volume}".`
  );
}

/** Waiting helps neither after what the server says nor after these words of its client. */
const refusal = /password|authentication/;
const notYet = /starting up|not yet accepting connections|shutting down|in recovery mode/;

/** Returns why there is no connection yet, if that may change: no server runs, or only that of the init scripts, or it still starts. */
async function tryConnection(
  docker: Docker,
  container: Inspection,
  request: ReadyRequest,
  signal: AbortSignal,
): Promise<ExecTarget | Error> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(execMilliseconds)]);
  try {
    return await connectedTarget(docker, container, request, "postgis-backup ready", limited);
  } catch (error) {
    signal.throwIfAborted();
    if (limited.aborted) return new Error(`no answer within ${execMilliseconds / 1000} s.`);
    if (!(error instanceof Failure)) throw error;
    const { code, message } = error;
    const isRefused = isOfServer(error) || refusal.test(message);
    if (code !== "connection-refused" || notYet.test(message) || !isRefused) return error;
    throw new Failure(
      "connection-refused",
      `The server in container "${request.container}" runs, but refuses user "${request.user}" on database "${request.database}":\n` +
        `${message}\nThe image creates user and database only when it initialises an empty volume; ` +
        `for a volume that has data, create them by hand or name those that it has.`,
    );
  }
}

/**
 * Fails if the server says that it has no such role or database. A server that does not answer, or asks for a password, passes.
 */
export async function checkLogin(
  docker: Docker,
  container: Inspection,
  request: ReadyRequest,
  signal: AbortSignal,
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(execMilliseconds)]);
  const refused = await connectedTarget(docker, container, request, "postgis-backup preflight", limited).then(
    () => undefined,
    (error: unknown) => error,
  );
  signal.throwIfAborted();
  if (!(refused instanceof Failure)) return;
  if (!/(role|database) ".*" (does not exist|is not permitted to log in)/.test(refused.message)) return;
  throw new Failure(
    "connection-refused",
    `The server in container "${request.container}", whose data the new container would get, refuses user "${request.user}" on ` +
      `database "${request.database}":\n${refused.message}\nThe image creates user and database only when it initialises an ` +
      `empty volume. Create them by hand first, or name those that it has. Nothing was changed.`,
  );
}

/** psql's \password asks twice on standard input and sends a hash, so that no log of the server sees the password. */
async function setPassword(
  target: ExecTarget,
  { user, container }: ReadyRequest,
  password: string,
): Promise<void> {
  if (/[\r\n]/.test(password))
    throw new Failure("password-not-set", "The password contains a line break, which psql cannot read.");
  const command = [...psql, `--command=\\password ${escapeIdentifier(user)}`];
  const { failed, stderr } = await execInteractive(target, command, {
    input: `${password}\n${password}\n`,
    reject: false,
  });
  if (failed) {
    throw new Failure(
      "password-not-set",
      `Setting the password of user "${user}" in container "${container}" failed:\n${errorLines(stderr)}`,
    );
  }
}
