/** A server that says things in German, as one does whose image has that locale: through a catalog of its messages. */
import { writeFile } from "node:fs/promises";
import path from "node:path";

/** What programs read out of the messages of a server, and how a German one says it. */
const translations: Readonly<Record<string, string>> = {
  "": "Content-Type: text/plain; charset=UTF-8\n",
  ERROR: "FEHLER",
  'database "%s" does not exist': "Datenbank »%s« existiert nicht",
  'role "%s" does not exist': "Rolle »%s« existiert nicht",
  'relation "%s" does not exist': "Relation »%s« existiert nicht",
  "canceling statement due to lock timeout": "storniere Anfrage wegen Zeitüberschreitung einer Sperre",
  "canceling statement due to conflict with recovery":
    "storniere Anfrage wegen Konflikt mit der Wiederherstellung",
  "terminating connection due to conflict with recovery":
    "breche Verbindung ab wegen Konflikt mit der Wiederherstellung",
};

/** The locale that the image has, and the catalog of version 17. */
const catalog = "/usr/share/locale/en_US/LC_MESSAGES/postgres-17.mo";

/** Writes the catalog into the folder. The options make a server of version 17 use it. */
export async function speakGerman(folder: string): Promise<string[]> {
  const file = path.join(folder, "german.mo");
  await writeFile(file, catalogOf(translations));
  return ["--volume", `${file}:${catalog}:ro`];
}

/** https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html: texts in their order, and then their translations. */
function catalogOf(messages: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(messages).sort(([one], [other]) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  );
  const texts = [...pairs.map(([text]) => text), ...pairs.map(([, translation]) => translation)].map((text) =>
    Buffer.from(`${text}\0`),
  );
  const tableAt = 28;
  const header = [0x950412de, 0, pairs.length, tableAt, tableAt + 8 * pairs.length, 0, 0];
  let at = tableAt + 8 * texts.length;
  const table = texts.flatMap((text) => {
    const start = at;
    at += text.length;
    return [text.length - 1, start];
  });
  const numbers = Buffer.alloc(4 * (header.length + table.length));
  for (const [index, value] of [...header, ...table].entries()) numbers.writeUInt32LE(value, 4 * index);
  return Buffer.concat([numbers, ...texts]);
}
