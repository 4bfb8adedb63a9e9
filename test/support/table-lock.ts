import { spawn } from "node:child_process";
import { sql } from "./resources";
import { waitUntil } from "./wait";

/** Holds what a statement locks, in a transaction that then sleeps, in a session of such a name. */
export async function holdLock(
  container: string,
  statement: string,
  { name }: { readonly name: string },
): Promise<void> {
  const script = `BEGIN; ${statement}; SELECT pg_sleep(600); COMMIT;`;
  const psql = ["psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-c", script];
  spawn("docker", ["exec", "--env", `PGAPPNAME=${name}`, container, ...psql], { stdio: "ignore" });
  const query = `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${name}' AND wait_event = 'PgSleep'`;
  await waitUntil(`a session that holds ${statement}`, async () => (await sql(container, query)) !== "0");
}

/** Ends the session that holds a lock. */
export async function releaseLock(container: string, name: string): Promise<void> {
  await sql(
    container,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`,
  );
}
