import type { Session } from "./session";
import { resetTextSettings, setTextSettings } from "./settings";

/**
 * Within it, the server writes every name with its schema, and dates, numbers and the like in one form, whatever is set
 * for user or database.
 */
export async function withQualifiedNames<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.run(setTextSettings);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // Within a transaction that has failed it is an error, too, which tells nothing.
    await session.run(resetTextSettings).catch(() => undefined);
    throw error;
  }
  await session.run(resetTextSettings);
  return result;
}
