/** What a migration checks before anybody has to wait. */
import * as z from "zod";
import { Attempts, Failure, Failures } from "../lib/failure";
import type { Relation } from "../postgres/catalog/catalog";
import { currentRole } from "../postgres/session/current-role";
import { escapeLiteral } from "../postgres/session/escape";
import { isHotStandby } from "../postgres/session/hot-standby";
import { countUsersObjects } from "../postgres/catalog/database-objects";
import { checkExtensions } from "../postgres/catalog/extensions";
import { databaseRequirements } from "../postgres/catalog/database-settings";
import { findRequirements } from "../postgres/catalog/requirements";
import { type Session, inSession, withQualifiedNames } from "../postgres/session/session";
import type { MigrateRequest } from "../request";
import { readDockerRecord } from "./docker-record";
import { dataOf, newDatabase, type NewServer, inside, boundPorts } from "./servers";
import type { Inspection, PortBinding } from "../docker/container";
import { type Brought, broughtBy } from "./inventory/objects";

/** What the migration brings. Fails unless the role can see everything on the old server, and end all sessions there. */
export async function findBrought(
  hold: Session,
  { tables, excluded }: { readonly tables: readonly Relation[]; readonly excluded: readonly string[] },
  request: MigrateRequest,
): Promise<Brought> {
  await checkPrimary(hold, request.container);
  await checkSuperuser(hold, request.user, request.container);
  const { all: whole } = request;
  const found = whole
    ? { requires: await databaseRequirements(hold), objects: [] }
    : await withQualifiedNames(hold, () => findRequirements(hold, tables));
  return broughtBy({
    ...{ tables: tables.map(({ oid }) => oid), excluded, whole, ...found },
    missingRoles: request.missingRoles,
  });
}

/** Writers of a hot standby are those of its primary, which nothing here could hold. */
async function checkPrimary(session: Session, container: string): Promise<void> {
  if (!(await isHotStandby(session))) return;
  throw new Failure(
    "requirement-missing",
    `The server in container "${container}" is a hot standby, and a migration holds those who write to a server. Name its primary; or make it ` +
      'one, with "SELECT pg_promote()".',
  );
}

async function checkSuperuser(session: Session, user: string, container: string): Promise<void> {
  const { superuser } = await currentRole(session);
  if (superuser) return;
  throw new Failure(
    "privilege-missing",
    `Role "${user}" of container "${container}" is no superuser. A migration must see everything on a server and end all sessions. Name ` +
      "a superuser.",
  );
}

/**
 * Fails if the new server lacks an extension, or has rows that a migration would replace, except copies that a failed attempt left.
 */
export async function checkNewServer(
  newServer: NewServer,
  tables: readonly Relation[],
  { whole, requires }: Brought,
  signal: AbortSignal,
): Promise<void> {
  const copies = await readDockerRecord(newServer.docker, "loading", dataOf(newServer), z.unknown());
  await inSession(newDatabase(newServer, signal), signal, async (session) => {
    await checkPrimary(session, newServer.request.toContainer);
    await checkSuperuser(session, newServer.request.toUser, newServer.request.toContainer);
    const attempts = new Attempts();
    await checkExtensions({ extensions: requires.extensions, whole }, session, true, [], attempts);
    attempts.end();
    if (copies !== undefined) return;
    if (whole) return checkEmpty(session, newServer.request);
    const names = JSON.stringify(tables.map(({ sqlName }) => sqlName));
    const there = await session.rows(
      `SELECT name FROM jsonb_array_elements_text(${escapeLiteral(names)}) name JOIN pg_class c ON c.oid = to_regclass(name) WHERE relkind IN ('r', 'p')`,
      z.object({ name: z.string() }),
    );
    const filled: string[] = [];
    for (const { name } of there)
      if (
        (await session.rows(`SELECT true AS filled FROM ${name} LIMIT 1`, z.object({ filled: z.boolean() })))
          .length > 0
      )
        filled.push(name);
    if (filled.length === 0) return;
    throw new Failure(
      "table-exists",
      `Container "${newServer.request.toContainer}" has tables of its own, with rows, which a migration would replace: ` +
        `${filled.slice(0, 10).join(", ")}. Drop them there if nobody needs them, or take another server.`,
    );
  });
}

/** The whole database is replaced. */
async function checkEmpty(
  session: Session,
  { toContainer, toDatabase }: NewServer["request"],
): Promise<void> {
  const count = await countUsersObjects(session);
  if (count === 0) return;
  throw new Failure(
    "table-exists",
    `Database "${toDatabase}" of container "${toContainer}" has ${count} tables, views, functions and large objects of its own, and a migration ` +
      "of a whole database would replace them. Drop them there if nobody needs them, or take another database or server.",
  );
}

function declaredPorts({ HostConfig }: Inspection): readonly PortBinding[] {
  return HostConfig.PortBindings?.[inside] ?? [];
}

/** Fails unless the new container declares each port of the old one, and publishes none yet. */
export function checkSwitchable(old: Inspection, newContainer: Inspection): void {
  const [from, to] = [old, newContainer].map(({ Name }) => Name.slice(1));
  const refuse = (message: string) => new Failure("port-not-switchable", message);
  const taken = declaredPorts(newContainer).map(inWords);
  const ports = declaredPorts(old);
  Failures.throwIfAny([
    ...(boundPorts(old).length > 0 ? [] : [refuse(`Container "${from}" publishes no port of its server.`)]),
    ...(old.HostConfig.AutoRemove
      ? [
          refuse(
            `Container "${from}" was started with --rm: it would be gone, perhaps with its data, if it were stopped.`,
          ),
        ]
      : []),
    ...ports
      .filter(({ HostPort }) => Number(HostPort) === 0)
      .map(() =>
        refuse(`Docker chose the port of container "${from}", and would choose another one the next time.`),
      ),
    ...ports
      .filter((port) => Number(port.HostPort) > 0 && !taken.includes(inWords(port)))
      .map((port) =>
        refuse(
          `Container "${from}" publishes ${inWords(port)}, and container "${to}" does not: remove it, and make it anew with that address and port.`,
        ),
      ),
    ...(boundPorts(newContainer).length === 0
      ? []
      : [
          refuse(
            `Container "${to}" has a published port already, so somebody may be using it. Make it a standby: it has no published ` +
              "port until it takes the old one's.",
          ),
        ]),
  ]);
}

function inWords({ HostIp, HostPort }: PortBinding): string {
  return `${HostIp === "" ? "0.0.0.0" : HostIp}:${HostPort}`;
}
