import * as z from "zod";
import type { Session } from "./session";

const CurrentRole = z.object({
  name: z.string(),
  superuser: z.boolean(),
  createDatabase: z.boolean(),
  /** In the database of the session. */
  createSchema: z.boolean(),
});

/** The role of the session, and what it may do. */
export const currentRole = (session: Session): Promise<z.infer<typeof CurrentRole>> =>
  session.row(
    `SELECT rolname AS name, rolsuper AS superuser, rolsuper OR rolcreatedb AS "createDatabase",
       has_database_privilege(current_database(), 'CREATE') AS "createSchema" FROM pg_roles WHERE rolname = current_user`,
    CurrentRole,
  );
