import { execa } from "execa";
import { startServer } from "./container";
import { freePort, ownLabel, removeContainer, removeNetwork, sql, uniqueName } from "./resources";
import { clientPassword } from "./port-client";
import { runnerMain } from "./runner";

/** A server on a port of this machine, and a standby for that port, as by hand. */
export interface MigrationPair {
  readonly old: string;
  readonly fresh: string;
  readonly port: number;
  readonly remove: () => Promise<void>;
}

/** `statements` run on the old server; `options` are docker's for the new one. */
export async function startPair(statements: string, options: readonly string[] = []): Promise<MigrationPair> {
  const port = await freePort();
  const network = uniqueName();
  await execa("docker", ["network", "create", "--internal", ...ownLabel, network]);
  const publish = ["--publish", `127.0.0.1:${port}:5432`];
  const old = await startServer({ options: publish });
  await sql(old, `${statements}; ALTER ROLE postgres PASSWORD '${clientPassword}'`);
  const fresh = await startServer({ options: [...publish, "--network", network, ...options] });
  await sql(fresh, `ALTER ROLE postgres PASSWORD '${clientPassword}'`);
  const remove = async () => {
    await removeContainer(fresh);
    await removeContainer(old);
    await removeNetwork(network);
  };
  return { old, fresh, port, remove };
}

/** Starts the runner; `more` are further options. */
export function startMigration(pair: MigrationPair, directory: string, more: readonly string[] = []) {
  const { old, fresh } = pair;
  const args = ["migrate", "--container", old, "--to-container", fresh, "--directory", directory];
  return execa("node", [runnerMain, ...args, "--name", "cbm", "--json", ...more], {
    reject: false,
    stdin: "ignore",
  });
}
