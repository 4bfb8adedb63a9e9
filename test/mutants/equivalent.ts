/** Mutants that no test can notice, because they change nothing that matters. */
export interface Equivalent {
  readonly file: string;
  /** The lines after the mutation, without leading and trailing blanks. */
  readonly mutated: string;
  readonly why: string;
}

export const equivalents: readonly Equivalent[] = [
  {
    file: "runner/lib/process-identity.ts",
    mutated:
      'const [, space, itsBoot, pid = "", itsStart = ""] = identity.exec(text) ?? ["Stryker was here"];',
    why: "If nothing matches, no part is read.",
  },
  {
    file: "runner/lib/process-identity.ts",
    mutated: "if (itsBoot !== boot()) return true;",
    why: "It matters only on a machine without a machine id.",
  },
  {
    file: "runner/verify/compare.ts",
    mutated:
      'const [, before = definition, name = "", after = ""] = indexParts.exec(definition) ?? ["Stryker was here"];',
    why: "The first element is not read.",
  },
  {
    file: "runner/postgres/archive/quotes.ts",
    mutated: 'if (false || open === "--") return undefined;',
    why: "A search for undefined finds nothing, with the same result.",
  },
  {
    file: "runner/postgres/archive/ranges.ts",
    mutated: "return queries.every(query => /[\\r\\n]/.test(query)) ? [] : [{ ...table, queries }];",
    why: "Every query of a table contains the same names.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "private afterEscapes = true;",
    why: "No script begins with a string.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "open.text += false ? text.slice(at) : text.slice(at, end);",
    why: "Only the name of a setting is looked for in it, which is in one line.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "open.text += end <= 0 ? text.slice(at) : text.slice(at, end);",
    why: "Only the name of a setting is looked for in it, which is in one line.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "open.text += end < 0 ? text : text.slice(at, end);",
    why: "Only the name of a setting is looked for in it, which is in one line.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'throw this.refused(text, "can be read in two ways");',
    why: "Words of a message.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'throw this.refused(text.slice(at, next - 3), "can be read in two ways");',
    why: "Words of a message.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "const plain = /^[nN]?'/.test(quote);",
    why: "No other quote begins like this.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "this.empty = true;",
    why: "What follows a variable begins a statement as well.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "if (true) this.words.push(word);",
    why: "Words after the third are not read.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "if (this.words.length <= 5) this.words.push(word);",
    why: "Words after the third are not read.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'if (word === "begin" || (word === "case" && true)) this.blocks++;',
    why: "Each CASE has its END.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'if (word === "begin" || (word === "case" && this.blocks >= 0)) this.blocks++;',
    why: "Each CASE has its END.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "this.standardStrings = /(=|to) (' )?(on|true|yes|1) \\W*/i.test(this.setting);",
    why: "The server takes no second value.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "const shown = JSON.stringify(line ?? what);",
    why: "Words of a message.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'if (end.endsWith("$")) return text.indexOf(end, from);',
    why: "A tag begins and ends with the same character.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: "for (let at = from; at <= text.length; at++) {",
    why: "There is no character at the end.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'return [match[0] ?? "", match?.groups ?? {}];',
    why: "The tokens take every character.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'return [match?.[0] ?? "", match.groups ?? {}];',
    why: "The tokens take every character.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'return text.split("\\n")[0] ?? "";',
    why: "Words of a message.",
  },
  {
    file: "runner/postgres/archive/script-scanner.ts",
    mutated: 'return text.slice(text.lastIndexOf("\\n", at + 1) + 1).split("\\n")[0] ?? "";',
    why: "Words of a message.",
  },
  {
    file: "runner/postgres/catalog/selection.ts",
    mutated: 'const schema = groups["schema"];',
    why: "Without groups it has already failed.",
  },
  {
    file: "runner/postgres/catalog/selection.ts",
    mutated: "if (text.endsWith('\"')) return { exact: text.slice(1, -1).replaceAll('\"\"', '\"') };",
    why: "What begins with a quote ends with one.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "rest = false ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);",
    why: "It copies the same bytes.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "if (false) break;",
    why: "A piece that is too short for the end of the rows is kept below.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "const kept = lastRowAndEnd.length + 1;",
    why: "More is kept than needs to be.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "if (true) break;",
    why: "The same rows in other pieces; that they do not wait in memory is tested in test/long/large-rows.test.ts.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "if (rest.length < kept) break;",
    why: "The same rows in other pieces; that they do not wait in memory is tested in test/long/large-rows.test.ts.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "if (false) break;",
    why: "The same rows in other pieces; that they do not wait in memory is tested in test/long/large-rows.test.ts.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "if (rest.length > kept) break;",
    why: "The same rows in other pieces; that they do not wait in memory is tested in test/long/large-rows.test.ts.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: 'yield { kind: "line", text: begun + rest.toString("utf8"), unended: false };',
    why: "Only its existence matters, not its value.",
  },
  {
    file: "runner/postgres/archive/script-pieces.ts",
    mutated: "const edge = Buffer.concat([before, piece.data.subarray(0, otherEndOfRows.length + 1)]);",
    why: "It checks more than necessary.",
  },
  {
    file: "runner/prune/retention.ts",
    mutated: "backup && reasons.get(backup).push(reason);",
    why: "Every backup has its reasons.",
  },
  {
    file: "runner/prune/retention.ts",
    mutated: 'return [...first].map(([label, backup]) => [label.replace(/last .*/, "last"), backup]);',
    why: "No other label contains the word.",
  },
  {
    file: "runner/repository/plain-paths.ts",
    mutated: 'return parent === "." ? ["Stryker was here"] : [parent, ...parents(parent)];',
    why: "No file has this name.",
  },
  {
    file: "runner/repository/checksums.ts",
    mutated: "for await (const chunk of readChecked(files, file)) if (true) signal.throwIfAborted();",
    why: "No chunk is empty.",
  },
  {
    file: "runner/repository/checksums.ts",
    mutated:
      "for await (const chunk of readChecked(files, file)) if (chunk.length >= 0) signal.throwIfAborted();",
    why: "No chunk is empty.",
  },
  {
    file: "runner/lib/work-name.ts",
    mutated: 'const [, finalName, identity = "", key] = written.exec(entry) ?? ["Stryker was here"];',
    why: "If nothing matches, no part is read.",
  },
  {
    file: "runner/lib/work-name.ts",
    mutated: "await rm(path.join(folder, entry), { recursive: true, force: false, maxRetries: 10 });",
    why: "It matters only if another process removes it at the same time.",
  },
  {
    file: "runner/repository/newest.ts",
    mutated:
      'const older = new Set(good.flatMap(({ manifest }) => manifest.newerThan ?? ["Stryker was here"]));',
    why: "No backup has such an id.",
  },
  {
    file: "runner/repository/newest.ts",
    mutated: "(one, other) => time(one) - time(other) || (one.id <= other.id ? -1 : 1),",
    why: "No two backups have one id.",
  },
];
