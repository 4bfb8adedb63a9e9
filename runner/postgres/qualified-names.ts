import type { Session } from "./session";
import { resetTextSettings, setTextSettings } from "./settings";

/**
 * Within it, the server writes every name with its schema, and dates, numbers and the like in one form, whatever is set
 * for user or database.
 */
export async function withQualifiedNames<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.run(setTextSettings);
  try {
    return await work();
  } finally {
    await session.run(resetTextSettings);
  }
}
