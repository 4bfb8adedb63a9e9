import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { BackupResult, PresentResult } from "../../../runner/request";
import { lastState } from "../last-state";
import { runnerFile } from "../runner-command";

/** Trigger of a backup that is taken because the last one is gone. It stays, or the next update would take another backup. */
const Gone = z.object({ gone: z.string() });

const lookMilliseconds = 20_000;

/** One more trigger if the last backup of a command is gone. If that cannot be checked, the backup counts as present. */
export async function goneBackup(
  command: string,
  s3: object | undefined,
  resource: pulumi.Resource,
): Promise<z.infer<typeof Gone>[]> {
  const last = await lastState(command);
  if (last === undefined) return [];
  const before = last.triggers
    .map((trigger) => Gone.safeParse(trigger).data)
    .filter((found) => found !== undefined);
  const taken = BackupResult.safeParse(parsed(last.stdout)).data;
  if (taken === undefined || (await isThere(taken, s3))) return before;
  await pulumi.log.warn(
    `The last backup, ${taken.location}, is not there any more: it was deleted or moved. A new one is taken.`,
    resource,
  );
  return [{ gone: taken.backupId }];
}

async function isThere({ location, manifest }: BackupResult, s3: object | undefined): Promise<boolean> {
  if (location.startsWith("s3://")) return isInBucket({ location, s3 });
  return access(path.resolve(manifest)).then(
    () => true,
    (error: unknown) => (error as NodeJS.ErrnoException).code !== "ENOENT",
  );
}

async function isInBucket(request: object): Promise<boolean> {
  const runner = spawn(process.execPath, [runnerFile(), "present", "--request", "-"], {
    stdio: ["pipe", "pipe", "ignore"],
    timeout: lookMilliseconds,
  });
  runner.stdin.on("error", () => undefined);
  runner.stdin.end(JSON.stringify(request));
  return PresentResult.safeParse(parsed(await text(runner.stdout))).data?.present ?? true;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
