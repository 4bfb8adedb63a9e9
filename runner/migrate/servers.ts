import type { Inspection } from "../docker/container";
import type { Docker } from "../docker/docker";
import type { ExecTarget } from "../docker/exec";
import type { Relation } from "../postgres/catalog/catalog";
import { connectedTarget } from "../postgres/session/connect";
import { openSession, type Session } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import type { MigrateRequest } from "../request";
import { dataPlace } from "./data-volumes";
import type { Brought } from "./inventory/brought";
import type { Item } from "./inventory/item";

/** The server that a migration goes to. */
export interface NewServer {
  readonly docker: Docker;
  readonly container: Inspection;
  readonly request: Pick<MigrateRequest, "toContainer" | "toUser" | "toDatabase" | "dockerHost">;
}

/** Both servers, while writers of the old one wait. */
export interface Sides {
  readonly docker: Docker;
  readonly request: MigrateRequest;
  readonly old: Inspection;
  readonly fresh: NewServer;
  /** In the old database; its transaction holds the locks that writers wait for. */
  readonly hold: Session;
  /** The tables that are locked. */
  readonly tables: readonly Relation[];
  readonly brought: Brought;
  /** What the old server had when both were compared. */
  readonly items: readonly Item[];
  readonly progress: Progress;
}

export const applicationName = "postgis-backup migrate";

export function oldDatabase(
  { docker, request, old }: Pick<Sides, "docker" | "request" | "old">,
  signal: AbortSignal,
): Promise<ExecTarget> {
  return connectedTarget(docker, old, request, applicationName, signal);
}

export function newDatabase(
  { docker, container, request }: NewServer,
  signal: AbortSignal,
): Promise<ExecTarget> {
  const { toUser: user, toDatabase: database } = request;
  return connectedTarget(docker, container, { user, database }, applicationName, signal);
}

/** Names the data of the new server, whatever container they are in. */
export function dataOf({ container }: Pick<NewServer, "container">): string {
  return dataPlace(container).key;
}

/** Some work in a session of its own. */
export async function inDatabase<T>(
  target: ExecTarget | Promise<ExecTarget>,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSession(await target, signal);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
