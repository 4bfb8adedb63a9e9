/** Compares both servers: what would the new one lack? */
import * as z from "zod";
import type { ExecTarget } from "../../docker/exec";
import { inDatabase, withEnv } from "../../postgres/session/server";
import { inSession } from "../../postgres/session/session";
import { databaseItems } from "./database";
import { serverItems, serverSettings, takesMd5 } from "./server";
import { type Item, item, missingItems, countsByKind } from "./items";
import type { Brought } from "./objects";

/** A server, and the database that is migrated, or into which it is migrated. */
export interface Server {
  readonly database: string;
  readonly target: ExecTarget;
}

/** What both servers have, and what the new one lacks. */
export interface Comparison {
  /** Of the old server: the database that is migrated, and the server as a whole. */
  readonly oldItems: readonly Item[];
  readonly newItems: readonly Item[];
  readonly missing: readonly Item[];
}

export async function compareServers(
  oldServer: Server,
  newServer: Server,
  brought: Brought,
  signal: AbortSignal,
): Promise<Comparison> {
  const newItems = await itemsOf(newServer, undefined, signal);
  const there = new Set(newItems.map(({ key }) => key));
  const isTaken = takesMd5(newItems) ? () => true : ({ md5 }: Item) => md5 !== true;
  const comes = (one: Item): boolean | undefined => {
    // Unless its whole database is replaced, a schema that the new server has keeps its owner, privileges and comment there.
    if (!brought.whole && one.of !== undefined && one.of === one.within && there.has(one.of)) return false;
    const isMade = rolesOf(one).some((role) => !there.has(role));
    return brought.restoresRoles && isMade ? isTaken(one) : one.brought;
  };
  const oldItems = (await itemsOf(oldServer, brought, signal)).map((one) => ({
    ...one,
    brought: comes(one),
    ...(isTaken(one) ? {} : { note: md5Note }),
  }));
  const others = await otherDatabases(oldServer, newServer, signal);
  return {
    oldItems,
    newItems,
    missing: [...missingItems(oldItems, newItems), ...others],
  };
}

const md5Note = "an MD5 hash, which no rule of the new server's pg_hba.conf takes";

/** The keys of the roles that something is, belongs to or is about. */
const rolesOf = ({ kind, key, of, group }: Item): string[] =>
  [kind === "role" ? key : of, group].filter((one) => one?.startsWith("role ") === true) as string[];

async function itemsOf(server: Server, brought: Brought | undefined, signal: AbortSignal): Promise<Item[]> {
  const { database, target } = server;
  const found = await inSession(target, signal, async (session) => [
    ...(await databaseItems(session, brought)),
    ...(await serverItems(session, {
      ...{ database, createdRoles: brought?.roles ?? [], whole: brought?.whole ?? false },
    })),
  ]);
  return [...found, ...(await inSession(withEnv(target, { PGOPTIONS: "" }), signal, serverSettings))];
}

const Database = z.object({ name: z.string(), connects: z.boolean() });

function databases(server: Server, signal: AbortSignal): Promise<z.infer<typeof Database>[]> {
  return inSession(server.target, signal, (session) =>
    session.rows(
      "SELECT datname AS name, datallowconn AS connects FROM pg_database WHERE datname <> 'template0' ORDER BY 1",
      Database,
    ),
  );
}

/**
 * The other databases of the old server, each as one item, unless the new one has a database with that name and content.
 * Databases that every server has are listed only if they have content.
 */
async function otherDatabases(oldServer: Server, newServer: Server, signal: AbortSignal): Promise<Item[]> {
  const there = (await databases(newServer, signal)).filter(
    ({ name, connects }) => connects && name !== newServer.database,
  );
  const found: Item[] = [];
  for (const { name, connects } of await databases(oldServer, signal)) {
    if (name === oldServer.database) continue;
    if (!connects) {
      found.push(
        item("database", name, { note: "it takes no connections, so nobody can tell what is in it" }),
      );
      continue;
    }
    const missing = missingItems(
      await inSession(inDatabase(oldServer.target, name), signal, (session) => databaseItems(session)),
      there.some((other) => other.name === name)
        ? await inSession(inDatabase(newServer.target, name), signal, (session) => databaseItems(session))
        : [],
    ).filter(({ kind }) => kind !== "extension");
    const everywhere =
      name === "postgres" || name === "template1" || there.some((other) => other.name === name);
    if (missing.length > 0 || !everywhere)
      found.push(item("database", name, { note: countsByKind(missing) }));
  }
  return found;
}
