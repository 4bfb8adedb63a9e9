import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { FailureCode } from "../../runner/lib/failure";
import type { Outcome } from "./backup-fixture";
import { docker } from "./container";
import { sql } from "./resources";
import { endedStatus, failureOf } from "./runner";
import { startedThrowaways, throwaways } from "./throwaways";

/** What there was before the fault. */
export interface Before {
  readonly container: string;
  readonly containerId: string;
  readonly nameFolder: string;
  readonly files: Readonly<Record<string, string>>;
  readonly latest: string;
  /** Folders of runs that were killed before. */
  readonly hidden: readonly string[];
}

export interface Expected {
  /** Undefined where the runner was killed and can say nothing. */
  readonly code: FailureCode | undefined;
  readonly message: RegExp;
  /** Exit status; unset: 1. */
  readonly status?: number;
  /** Whether the fault lets the server's container live on. */
  readonly container?: "runs" | "gone";
  /** Whether the fault lets the runner remove the hidden folder of its run. */
  readonly partial?: "removed" | "left";
  /** Values that no output may contain. */
  readonly secrets?: readonly string[];
  /** Where the fault moved the folder to. */
  readonly nameFolder?: string;
}

export async function rememberBackups(container: string, repository: string): Promise<Before> {
  const nameFolder = path.join(repository, "cbm");
  const { output } = await docker("inspect", "--format={{.Id}}", container);
  return {
    container,
    containerId: output,
    nameFolder,
    files: await completeFiles(nameFolder),
    latest: await readlink(path.join(nameFolder, "latest")),
    hidden: await hiddenNames(nameFolder),
  };
}

/** After a fault: earlier backups as they were, nothing half done under a final name, nothing left running, one message. */
export async function expectNothingLost(before: Before, outcome: Outcome, expected: Expected): Promise<void> {
  expectOneMessage(outcome, expected);
  const nameFolder = expected.nameFolder ?? before.nameFolder;
  assert.deepEqual(
    await completeFiles(nameFolder),
    before.files,
    "an earlier backup changed, or a half one appeared",
  );
  assert.equal(await readlink(path.join(nameFolder, "latest")), before.latest);
  if (expected.partial !== "left") {
    assert.deepEqual(
      (await hiddenNames(nameFolder)).filter((name) => !before.hidden.includes(name)),
      [],
      "a folder of this run is left",
    );
  }
  if (expected.container !== "gone") await expectNothingInContainer(before.container);
  await untilNothingRemains(() => clientsOnHost(before.containerId));
  const remaining = expected.code === undefined ? startedThrowaways : throwaways;
  await untilNothingRemains(() => remaining(path.dirname(before.nameFolder)));
}

/** Of a run that was told to end; one that is killed can neither say so nor remove its folder. */
export function endedBy(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): Expected {
  const killed = signal === "SIGKILL";
  return {
    code: killed ? undefined : "interrupted",
    message: new RegExp(`Interrupted by ${signal}`),
    ...(killed ? {} : { status: endedStatus[signal] }),
    partial: killed ? "left" : "removed",
  };
}

/** The server has not taken a process of the runner for a crashed backend, and restarted. */
export async function expectNoCrash(container: string): Promise<void> {
  const { output } = await docker("logs", container);
  assert.match(output, /database system is ready to accept connections/);
  assert.doesNotMatch(output, /terminating any other active server processes|was terminated by signal/);
}

/** No process and no session of a run, soon. */
export const expectNothingInContainer = (container: string) =>
  untilNothingRemains(() => remainsInContainer(container));

export function expectOneMessage({ exitCode, stdout, stderr }: Outcome, expected: Expected): void {
  for (const secret of expected.secrets ?? []) {
    assert.ok(!`${stdout}${stderr}`.includes(secret), `the output tells a secret:\n${stderr}`);
  }
  if (expected.code === undefined) {
    assert.notEqual(exitCode, 0);
    return;
  }
  const failure = failureOf({ exitCode, stdout, stderr }, expected.status);
  assert.equal(failure.match(/^error\b/gm)?.length, 1, stderr);
  assert.ok(failure.startsWith(`error[${expected.code}]: `), stderr);
  assert.match(failure, expected.message);
  assert.doesNotMatch(stderr, /docker exec --interactive/, "the runner's own commands tell the user nothing");
}

async function hiddenNames(nameFolder: string): Promise<string[]> {
  return (await readdir(nameFolder)).filter((name) => name.startsWith("."));
}

/** Digest of each file in the folders that have a final name. */
async function completeFiles(nameFolder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const id of (await readdir(nameFolder)).filter((name) => !name.startsWith(".") && name !== "latest")) {
    for (const entry of await readdir(path.join(nameFolder, id), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      found[path.relative(nameFolder, file)] = createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
    }
  }
  return found;
}

/** Commands of the server's clients in the container, and its sessions. */
async function remainsInContainer(container: string): Promise<string[]> {
  const { stdout } = await execa("docker", ["top", container, "-eo", "pid,args"]);
  const processes = stdout.split("\n").filter((line) => /pg_dump|psql|pg_restore|sh -c/.test(line));
  const sessions = await sql(
    container,
    "SELECT pid, query FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'",
  );
  return [...processes, ...(sessions === "" ? [] : [sessions])];
}

/** Processes of this machine that still talk to the container; the daemon's own know its id too. */
async function clientsOnHost(containerId: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map((pid) =>
      readFile(`/proc/${pid}/cmdline`, "utf8").then(
        (text) => text.split("\0"),
        () => [],
      ),
    ),
  );
  return commands
    .filter(([program = "", ...args]) => path.basename(program) === "docker" && args.includes(containerId))
    .map((command) => command.join(" "));
}

/** What ends by itself has a little time for that. */
export async function untilNothingRemains(remains: () => Promise<string[]>): Promise<void> {
  const deadline = performance.now() + 10_000;
  // The last look decides: another would also see what a run beside this one has just started.
  let left = await remains();
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(200);
    left = await remains();
  }
  assert.deepEqual(left, []);
}
