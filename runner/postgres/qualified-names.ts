import type { Session } from "./session";

/** Within it, the server writes every name with its schema, whatever the search path of the user or database is. */
export async function withQualifiedNames<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.run("SET search_path = pg_catalog");
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // Within a transaction that has failed it is an error, too, which tells nothing.
    await session.run("RESET search_path").catch(() => undefined);
    throw error;
  }
  await session.run("RESET search_path");
  return result;
}
