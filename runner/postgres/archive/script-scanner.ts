/**
 * Reads SQL as psql does, to find what a script of a backup must not contain: commands of psql itself, which can run programs
 * and read files where psql runs, and COPY with a file or a program of the server. psql 17.6 and the minor releases of the
 * same time can refuse their own commands (`\restrict`); older ones run them.
 */
import { Failure } from "../../lib/failure";

/** The only commands that pg_dump writes. */
export const restriction = /^\\(un)?restrict [A-Za-z0-9]+$/;

const identifierStart = "A-Za-z_\\u0080-\\u{10ffff}";

/** The order matters: a prefix such as E belongs to a string before it is a name. */
const tokens = new RegExp(
  [
    /(?<space>[ \t\r\n\f\v]+|--[^\n\r]*)/,
    /(?<comment>\/\*)/,
    /(?<escaped>[eE]')/,
    /(?<quoted>[uU]&['"]|[bBxXnN]'|['"])/,
    new RegExp(`(?<dollar>\\$(?:[${identifierStart}][${identifierStart}0-9]*)?\\$)`, "u"),
    new RegExp(`(?<word>[${identifierStart}][${identifierStart}0-9$]*)`, "u"),
    /(?<number>[0-9][0-9.]*)/,
    /(?<command>\\[^\n]*)/,
    /(?<variable>:(?:\{\?[^}\n]*\}|'[^'\n]*'|"[^"\n]*"|[A-Z_]+))/,
    /(?<other>::|:=|[^])/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "uy",
);

/** Variables that psql sets itself, and so replaces in SQL. It leaves unset names as they are. */
const ownVariable =
  /^:(\{|["']?(AUTOCOMMIT|COMP_KEYWORD_CASE|DBNAME|ECHO|ECHO_HIDDEN|ENCODING|ERROR|FETCH_COUNT|HIDE_\w+|HIST\w+|HOST|IGNOREEOF|LAST\w+|ON_ERROR_\w+|PORT|PROMPT\d|QUIET|ROW_COUNT|SERVER_\w+|SHELL_\w+|SHOW_\w+|SINGLE\w+|SQLSTATE|USER|VERBOSITY|VERSION\w*|WATCH_INTERVAL)["']?$)/;

type Token = Readonly<Record<string, string | undefined>>;

export class ScriptScanner {
  /** The string or quoted name that is open. */
  private open: { readonly end: string; readonly escapes: boolean; text: string } | undefined;
  private comments = 0;
  private brackets = 0;
  /** Depth of BEGIN blocks in a function body; a semicolon in them does not end a statement of the script. */
  private blocks = 0;
  private words: string[] = [];
  private empty = true;
  /** Whether a backslash in a string is an ordinary character. If it is not in the database, a dump begins with SET. */
  private standardStrings = true;
  /** Whether only blanks have followed a string with escapes. */
  private afterEscapes = false;
  /** What a SET has said so far. */
  private setting = "";

  constructor(
    /** For messages. */
    private readonly script: string,
  ) {}

  /** Whether no statement has begun. */
  private isAtStart(): boolean {
    return this.empty && this.comments === 0;
  }

  /** Reads a whole COPY statement whose rows follow in the script. */
  copy(text: string): void {
    if (!this.isAtStart()) throw this.refused(text, "is within another statement");
    this.read(`${text}\n`, true);
    if (!this.isAtStart()) throw this.refused(text, "is not one statement");
  }

  /** Reads whole lines. A command alone in its line is allowed if pg_dump writes it. */
  lines(text: string): void {
    if (this.isAtStart() && restriction.test(text)) return;
    this.read(`${text}\n`, false);
  }

  private read(text: string, isCopy: boolean): void {
    for (let at = 0; at < text.length;) {
      if (this.comments > 0) at = this.inComment(text, at);
      else if (this.open !== undefined) at = this.inQuote(text, at, this.open);
      else at = this.inCode(text, at, isCopy);
    }
  }

  private inComment(text: string, at: number): number {
    const edge = /\/\*|\*\//g;
    edge.lastIndex = at;
    const found = edge.exec(text);
    if (found === null) return text.length;
    this.comments += found[0] === "/*" ? 1 : -1;
    return edge.lastIndex;
  }

  private inQuote(text: string, at: number, open: NonNullable<typeof this.open>): number {
    const end = endOfQuote(text, at, open);
    open.text += end < 0 ? text.slice(at) : text.slice(at, end);
    if (end < 0) return text.length;
    this.open = undefined;
    this.afterEscapes = open.escapes;
    if (/^standard_conforming_strings$/i.test(open.text))
      throw this.refused(open.text, "is set in an odd way");
    if (this.words[0] === "set") this.setting += `${open.text} `;
    return end + open.end.length;
  }

  private inCode(text: string, at: number, isCopy: boolean): number {
    tokens.lastIndex = at;
    const [matched, token] = firstMatch(tokens.exec(text));
    const next = at + matched.length;
    if (token["space"] !== undefined) return next;
    if (token["comment"] !== undefined) {
      this.comments = 1;
      return next;
    }
    if (token["command"] !== undefined)
      throw this.refused(matched, "is a command of psql, not SQL", lineOf(text, at));
    if (token["variable"] !== undefined) return this.variable(matched, at);
    const afterEscapes = this.afterEscapes;
    this.afterEscapes = false;
    this.empty = false;
    if (this.words[0] === "set") this.setting += `${matched} `;
    const quote = token["escaped"] ?? token["quoted"] ?? token["dollar"];
    if (quote !== undefined) this.openQuote(token, quote, afterEscapes);
    else if (token["word"] !== undefined) this.word(token["word"].toLowerCase(), isCopy, lineOf(text, at));
    else if (token["number"] !== undefined && /^[a-zA-Z]&?['"]/.test(text.slice(next, next + 3)))
      throw this.refused(text.slice(at, next + 3), "can be read in two ways");
    else this.punctuation(matched);
    return next;
  }

  private openQuote(token: Token, quote: string, afterEscapes: boolean): void {
    const dollar = token["dollar"];
    const end = dollar ?? quote.slice(-1);
    const plain = /^[nN]?'$/.test(quote);
    const escapes = token["escaped"] !== undefined || (plain && !this.standardStrings);
    // psql and the server have different rules for a string that follows a string with escapes.
    if (plain && afterEscapes) throw this.refused("E'' ''", "can be read in two ways");
    this.open = { end, escapes, text: "" };
  }

  private variable(matched: string, at: number): number {
    if (ownVariable.test(matched)) throw this.refused(matched, "is a variable of psql");
    this.afterEscapes = false;
    this.empty = false;
    // The colon is not a variable: reading goes on after it.
    return at + 1;
  }

  private word(word: string, isCopy: boolean, line: string): void {
    if (this.words.length === 0 && word === "copy" && !isCopy)
      throw this.refused(line, "is a COPY that pg_dump does not write");
    if (this.words.length < 5) this.words.push(word);
    if (this.brackets > 0 || !this.createsRoutine()) return;
    if (word === "begin" || (word === "case" && this.blocks > 0)) this.blocks++;
    if (word === "end" && this.blocks > 0) this.blocks--;
  }

  private createsRoutine(): boolean {
    const [first, ...rest] = this.words;
    const kind = rest[0] === "or" ? rest[2] : rest[0];
    return first === "create" && (kind === "function" || kind === "procedure");
  }

  private punctuation(mark: string): void {
    if (mark === "(") this.brackets++;
    if (mark === ")" && this.brackets > 0) this.brackets--;
    if (mark !== ";" || this.brackets > 0 || this.blocks > 0) return;
    if (/\bstandard_conforming_strings\b/i.test(this.setting))
      this.standardStrings = /(=|to) (' )?(on|true|yes|1) \W*$/i.test(this.setting);
    this.words = [];
    this.empty = true;
    this.setting = "";
  }

  private refused(what: string, why: string, line?: string): Failure {
    const shown = JSON.stringify((line ?? what).slice(0, 80));
    return new Failure("script-unsafe", `${this.script} is refused: ${shown} ${why}. ${remedy}`);
  }
}

const remedy =
  "Nothing of it was run. pg_dump writes no such thing: somebody has changed this backup. Use another one.";

/** A doubled quote is part of the string, and so is a quote after a backslash if the string has escapes. */
function endOfQuote(text: string, from: number, { end, escapes }: { end: string; escapes: boolean }): number {
  if (end.startsWith("$")) return text.indexOf(end, from);
  for (let at = from; at < text.length; at++) {
    if (escapes && text[at] === "\\") at++;
    else if (text[at] === end && text[at + 1] === end) at++;
    else if (text[at] === end) return at;
  }
  return -1;
}

function firstMatch(match: RegExpExecArray | null): [string, Token] {
  return [match?.[0] ?? "", match?.groups ?? {}];
}

function lineOf(text: string, at: number): string {
  return text.slice(text.lastIndexOf("\n", at - 1) + 1).split("\n")[0] ?? "";
}
