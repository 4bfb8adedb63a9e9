/** A server, and a hot standby that follows it, each in a container of its own on a network of their own. */
import { execa } from "execa";
import { preparedImage, preparedPassword } from "../../setup/test-images";
import { startServer, TestContainer } from "./container";
import { environment } from "./environment";
import { ownLabel, removeContainer, removeNetwork, sql, uniqueName } from "./resources";
import { waitUntil } from "./wait";

export interface Pair {
  readonly primary: string;
  readonly standby: string;
  /** Waits until the standby has all that the primary wrote. */
  readonly follow: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

/** Copies the primary, with the settings by which a server finds it, and starts the copy. */
const followPrimary = `set -e
install -d -o postgres -g postgres -m 700 "$PGDATA"
gosu postgres pg_basebackup --host "$PRIMARY" --username postgres --pgdata "$PGDATA" --checkpoint fast --write-recovery-conf
exec gosu postgres postgres -c fsync=off`;

interface StandbyOptions {
  /** Folder that the standby sees as /backups. */
  readonly mount: string;
  /** Fills the primary before it is copied. */
  readonly prepare: (primary: string) => Promise<unknown>;
  /** Of the standby. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further ones of `docker run`, for the standby. */
  readonly options?: readonly string[];
}

export async function startStandby({
  mount,
  prepare,
  settings = {},
  options = [],
}: StandbyOptions): Promise<Pair> {
  const network = uniqueName();
  await execa("docker", ["network", "create", ...ownLabel, network]);
  const primary = await startServer({ options: ["--network", network] });
  await prepare(primary);
  const rules = await sql(primary, "SHOW hba_file");
  await execa("docker", ["exec", primary, "sed", "-i", "1i host replication all all trust", rules]);
  await sql(primary, "SELECT pg_reload_conf()");
  const standby = new TestContainer(uniqueName(), await preparedImage((await environment).image));
  const env = [`PRIMARY=${primary}`, "PGDATA=/var/lib/postgresql/standby", `PGPASSWORD=${preparedPassword}`];
  const own = [
    ...options,
    ...["--network", network, "--volume", `${mount}:/backups`, "--entrypoint", "bash"],
    ...env.flatMap((variable) => ["--env", variable]),
  ];
  await standby.run(own, ["-c", followPrimary]);
  await standby.ready();
  await setSettings(standby.name, settings);
  const follow = async () => {
    // A commit, which the server sends at once, unlike the lock of a transaction that goes on.
    const written = await sql(primary, "SELECT pg_logical_emit_message(true, 'test', '')");
    const replayed = `SELECT pg_last_wal_replay_lsn() >= '${written}'`;
    await waitUntil("the standby has it", async () => (await sql(standby.name, replayed)) === "t");
  };
  await follow();
  const remove = async () => {
    await standby.remove();
    await removeContainer(primary);
    await removeNetwork(network);
  };
  return { primary, standby: standby.name, follow, remove };
}

/** Gives a server settings that need no restart. */
export async function setSettings(
  container: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const statements = Object.entries(settings).map(
    ([name, value]) => `ALTER SYSTEM SET ${name} = '${value}';`,
  );
  await sql(container, [...statements, "SELECT pg_reload_conf()"].join("\n"));
}
