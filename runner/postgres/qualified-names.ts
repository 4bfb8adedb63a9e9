import type { Session } from "./session";

/** Within it, the server writes every name with its schema, whatever the search path of the user or database is. */
export async function withQualifiedNames<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.run("SET search_path = pg_catalog");
  try {
    return await work();
  } finally {
    await session.run("RESET search_path");
  }
}
