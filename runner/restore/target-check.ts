/** What the target must have and allow, as far as the manifest tells it. */
import { escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import { Attempts, Failure } from "../lib/failure";
import type { RestoreRun } from "./run";

const Role = z.object({
  name: z.string(),
  superuser: z.boolean(),
  createDatabase: z.boolean(),
  createSchema: z.boolean(),
});
const Extension = z.object({
  name: z.string(),
  installed: z.string().nullable(),
  available: z.string().nullable(),
  trusted: z.boolean(),
});

/** Collects everything that is wrong. */
export async function checkTarget(run: RestoreRun, attempts: Attempts): Promise<void> {
  const { session } = run;
  const role = await session.row(
    `SELECT rolname AS name, rolsuper AS superuser, rolsuper OR rolcreatedb AS "createDatabase",
            has_database_privilege(current_database(), 'CREATE') AS "createSchema" FROM pg_roles WHERE rolname = current_user`,
    Role,
  );
  const needs = (what: string, remedy: string) => {
    attempts.add(
      new Failure(
        "privilege-missing",
        `Role "${role.name}" may not ${what}. Use another role, or give it: "${remedy}".`,
      ),
    );
  };
  if (run.request.content !== "data") {
    const quoted = JSON.stringify(role.name);
    if (!role.createDatabase)
      needs("create the database in which the restore renames tables", `ALTER ROLE ${quoted} CREATEDB`);
    if (!role.createSchema)
      needs(
        "create schemas",
        `GRANT CREATE ON DATABASE ${JSON.stringify(run.request.database)} TO ${quoted}`,
      );
    await attempts.run(() => checkExtensions(run, role.superuser, attempts));
    await attempts.run(() => checkRoles(run, role.superuser, attempts));
  }
}

async function checkExtensions(run: RestoreRun, superuser: boolean, attempts: Attempts): Promise<void> {
  const { session, manifest, notes } = run;
  const { extensions } = manifest.requires;
  if (extensions.length === 0) return;
  const found = await session.rows(
    `SELECT e.name, e.installed_version AS installed, e.default_version AS available,
            coalesce((SELECT bool_or(v.trusted) FROM pg_available_extension_versions v WHERE v.name = e.name AND v.version = e.default_version), false) AS trusted
     FROM pg_available_extensions e WHERE e.name IN (${extensions.map(({ name }) => escapeLiteral(name)).join(", ")})`,
    Extension,
  );
  for (const { name, version } of extensions) {
    const here = found.find((extension) => extension.name === name);
    if (here === undefined) {
      attempts.add(
        new Failure(
          "requirement-missing",
          `The tables need the extension ${name} ${version}, which the server does not have. Install it there, or use an image that has it.`,
        ),
      );
      continue;
    }
    if (!superuser && !here.trusted) {
      attempts.add(
        new Failure(
          "privilege-missing",
          `The extension ${name} has to be created, at least in the database in which tables are renamed, and only a superuser may. Restore as one.`,
        ),
      );
    }
    const used = here.installed ?? here.available ?? "";
    if (isOlder(used, version))
      notes.push(
        `${name} is version ${used} here, older than the ${version} that the backup was taken with.`,
      );
  }
}

/** By the first two numbers. */
function isOlder(one: string, other: string): boolean {
  const [a = 0, b = 0] = one.split(".").map((part) => Number.parseInt(part, 10));
  const [c = 0, d = 0] = other.split(".").map((part) => Number.parseInt(part, 10));
  return a < c || (a === c && b < d);
}

async function checkRoles(run: RestoreRun, superuser: boolean, attempts: Attempts): Promise<void> {
  const { session, manifest, request } = run;
  const roles = await session.rows(
    `SELECT rolname AS name, pg_has_role(oid, 'MEMBER') AS member FROM pg_roles`,
    z.object({ name: z.string(), member: z.boolean() }),
  );
  const memberships = new Map(roles.map(({ name, member }) => [name, member]));
  const missing = manifest.requires.roles.filter((name) => !memberships.has(name));
  if (missing.length > 0 && request.missingRoles === "fail") {
    attempts.add(
      new Failure(
        "requirement-missing",
        `The server lacks roles that own the tables or may use them: ${missing.join(", ")}. Create them, or take --missing-roles create.`,
      ),
    );
  }
  const owners = new Set(manifest.tables.map(({ owner }) => owner));
  const foreign = superuser ? [] : [...owners].filter((name) => memberships.get(name) === false);
  if (foreign.length === 0) return;
  attempts.add(
    new Failure(
      "privilege-missing",
      `Role "${request.user}" cannot give tables to their owners, ${foreign.join(", ")}, of whom it is no member. Restore as a superuser, or grant it those roles.`,
    ),
  );
}
