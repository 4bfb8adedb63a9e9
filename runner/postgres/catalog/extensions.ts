/** Extensions that a database needs, and whether a server has them. */
import * as z from "zod";
import { type Attempts, Failure } from "../../lib/failure";
import { listed } from "../../lib/format";
import type { Requirements } from "../../request/contents";
import { literalList } from "../session/names";
import type { Session } from "../session/session";
import { timescale } from "./timescale";

const Extension = z.object({
  name: z.string(),
  installed: z.string().nullable(),
  available: z.string().nullable(),
  versions: z.array(z.string()),
  trusted: z.boolean(),
});

/** Fails unless the server has the extensions, and the role may create them. Notes those that are older there. */
export async function checkExtensions(
  { extensions, whole }: { readonly extensions: Requirements["extensions"]; readonly whole: boolean },
  session: Session,
  superuser: boolean,
  notes: string[],
  attempts: Attempts,
): Promise<void> {
  if (extensions.length === 0) return;
  const found = await session.rows(
    `SELECT e.name, e.installed_version AS installed, e.default_version AS available,
            ARRAY(SELECT v.version FROM pg_available_extension_versions v WHERE v.name = e.name ORDER BY 1) AS versions,
            coalesce((SELECT bool_or(v.trusted) FROM pg_available_extension_versions v WHERE v.name = e.name AND v.version = e.default_version), false) AS trusted
     FROM pg_available_extensions e WHERE e.name IN (${literalList(extensions.map(({ name }) => name))})`,
    Extension,
  );
  for (const { name, version } of extensions) {
    const here = found.find((extension) => extension.name === name);
    if (here === undefined) {
      attempts.add(
        new Failure(
          "requirement-missing",
          whole
            ? `The database has the extension ${name} ${version}, which the server does not have. Install it there, use an image that has it; or drop it ` +
                "from the source, if nobody needs it, and begin anew."
            : `The tables need the extension ${name} ${version}, which the server does not have. Install it there, or use an image that has it.`,
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
    if (name === timescale && !here.versions.includes(version)) {
      attempts.add(
        new Failure(
          "requirement-missing",
          `The database needs the extension ${name} in version ${version}, and no other: the server has ${listed(here.versions)}. Install that version there, ` +
            "restore, and update the extension then.",
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

/** Compares the first two numbers of the versions. */
function isOlder(one: string, other: string): boolean {
  const [a = 0, b = 0] = one.split(".").map((part) => Number.parseInt(part, 10));
  const [c = 0, d = 0] = other.split(".").map((part) => Number.parseInt(part, 10));
  return a < c || (a === c && b < d);
}
