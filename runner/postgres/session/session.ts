import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import type { z } from "zod";
import { Failure } from "../../lib/failure";
import { roomOrEnd } from "../../lib/writable";
import { execFed, type ExecTarget } from "../../docker/exec";
import { endedWith, errorLines, passwordVariable, psql, withEnv } from "./server";

/** One database session, held open by a psql in the container until it is closed or this program ends. */
export interface Session {
  /** Runs one statement that returns nothing. */
  run(sql: string): Promise<void>;
  /** Runs many statements that return nothing, some at a time: these in a transaction of their own, if none is open. */
  runAll(statements: readonly string[]): Promise<void>;
  /** Rows of one query, each as the JSON object that the server makes of it. */
  rows<T>(sql: string, row: z.ZodType<T>): Promise<T[]>;
  /** The row of a query that has exactly one. */
  row<T>(sql: string, row: z.ZodType<T>): Promise<T>;
  /** Runs a command of psql's own; the lines that it prints. */
  command(text: string): Promise<string[]>;
  /** Gives a script to psql, with the rows of its COPY statements; the first error ends the session. */
  feed(script: AsyncIterable<string | Uint8Array> | Iterable<string>): Promise<void>;
  close(): Promise<void>;
}

/** So many statements go in one message. The session waits for each message, and its locks must fit into the server's lock table. */
const statementsAtOnce = 100;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: disk_full */
const diskFull = "53100";

/** A statement that the server refused; the session goes on. */
export class SqlError extends Failure {
  constructor(
    /** https://www.postgresql.org/docs/current/errcodes-appendix.html */
    readonly sqlState: string,
    message: string,
  ) {
    super(sqlState === diskFull ? "space-insufficient" : "server-error", `The server says: ${message}`);
  }
}

const passwordHint = `The password is taken from ${passwordVariable}; in a program, from the argument "password".`;

/** The user is that of the operating system, and matters to what psql writes itself. */
export function openSession(target: ExecTarget, signal: AbortSignal, user?: string): Session {
  const process = execFed(target, [...psql, "--set=ON_ERROR_STOP=0"], {
    user,
    stdin: "pipe",
    stdout: "pipe",
    buffer: { stdout: false },
    reject: false,
    cancelSignal: signal,
  });
  const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
  let connected = false;

  /** Everything that psql prints for this input; its end is known by a line that no data can contain. */
  async function send(input: string, ending: string): Promise<{ printed: string[]; last: string }> {
    const marker = randomUUID();
    process.stdin.write(`${input}\n\\echo ${marker} ${ending}\n`);
    const printed: string[] = [];
    for (;;) {
      const line = await lines.next();
      if (line.done === true) throw await ended();
      if (line.value.startsWith(marker)) {
        connected = true;
        return { printed, last: line.value.slice(marker.length + 1) };
      }
      printed.push(line.value);
    }
  }

  async function ended(): Promise<Failure> {
    const { stderr, exitCode } = await process;
    const said = errorLines(stderr) || `psql: ${endedWith(exitCode)}`;
    return connected
      ? new Failure("server-error", `The database session ended: ${said}`)
      : new Failure("connection-refused", /password/.test(said) ? `${said}\n${passwordHint}` : said);
  }

  async function execute(sql: string): Promise<string[]> {
    const { printed, last } = await send(`${sql}\n;`, ":ERROR :SQLSTATE");
    const [failed, sqlState = ""] = last.split(" ");
    if (failed !== "true") return printed;
    const message = (await send("\\echo :LAST_ERROR_MESSAGE", "")).printed.join("\n");
    if (message !== "") throw new SqlError(sqlState, message);
    // The connection is gone: the server said nothing about the statement, and psql tells why on standard error.
    process.stdin.end();
    throw await ended();
  }

  // A write to a psql that has ended fails with EPIPE; send() reports why it ended.
  process.stdin.on("error", () => undefined);

  const rows: Session["rows"] = async (sql, row) => {
    const printed = await execute(`SELECT to_jsonb(q) FROM (${sql}) q`);
    return printed.filter((line) => line !== "").map((line) => row.parse(JSON.parse(line)));
  };
  return {
    run: async (sql) => {
      await execute(sql);
    },
    runAll: async (statements) => {
      for (let first = 0; first < statements.length; first += statementsAtOnce)
        await execute(statements.slice(first, first + statementsAtOnce).join("\\;\n"));
    },
    rows,
    row: async (sql, row) => {
      const [only, ...more] = await rows(sql, row);
      if (only === undefined || more.length > 0) throw new Error(`not one row, but ${more.length}: ${sql}`);
      return only;
    },
    command: async (text) => (await send(text, "")).printed,
    feed: async (script) => {
      process.stdin.write("\\set ON_ERROR_STOP 1\n");
      for await (const piece of script) {
        if (!process.stdin.writable) break;
        process.stdin.write(piece);
        await roomOrEnd(process.stdin);
      }
      await send("\\set ON_ERROR_STOP 0", "");
    },
    close: async () => {
      process.stdin.end();
      await process;
    },
  };
}

/** Runs the work in a session of its own. */
export async function inSession<T>(
  target: ExecTarget | Promise<ExecTarget>,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSession(await target, signal);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/**
 * What every session sets, as pg_dump and pg_restore do too. Other values of the database, role or server could end or block a
 * long session, hide rows from it, or change how its statements are read. Any role may set these.
 */
const sessionSettings: readonly { readonly name: string; readonly value: string; readonly since?: number }[] =
  [
    { name: "statement_timeout", value: "0" },
    { name: "lock_timeout", value: "0" },
    { name: "idle_in_transaction_session_timeout", value: "0" },
    { name: "idle_session_timeout", value: "0", since: 14 },
    { name: "transaction_timeout", value: "0", since: 17 },
    { name: "row_security", value: "off" },
    { name: "standard_conforming_strings", value: "on" },
    { name: "quote_all_identifiers", value: "off" },
    { name: "default_transaction_isolation", value: "read committed" },
    { name: "default_transaction_deferrable", value: "off" },
    { name: "exit_on_error", value: "off" },
    { name: "xmloption", value: "content" },
    { name: "synchronize_seqscans", value: "off" },
    { name: "array_nulls", value: "on" },
    // The lines of a debug level would hide those that say why a program failed.
    { name: "client_min_messages", value: "warning" },
  ];

/** The value of PGOPTIONS for a server of that version. A server refuses sessions that name a setting which it does not know. */
export function sessionOptions(version: number): string {
  return sessionSettings
    .filter(({ since }) => since === undefined || version >= since)
    .map(asOption)
    .join(" ");
}

const asOption = ({ name, value }: { readonly name: string; readonly value: string }) =>
  `-c ${name}=${value.replaceAll(" ", "\\ ")}`;

/**
 * Failures are told apart by what the server says where its programs do not give an SQLSTATE; and it may speak another language.
 * Only a superuser may set this.
 */
const english = { name: "lc_messages", value: "C" };

/** Makes the server speak English to the session of a superuser, and to all later ones. */
export async function speakEnglish(session: Session, target: ExecTarget): Promise<ExecTarget> {
  await session.run(`SET ${english.name} = '${english.value}'`);
  return withEnv(target, { PGOPTIONS: `${target.env["PGOPTIONS"] ?? ""} ${asOption(english)}` });
}

/**
 * The text of a value or a definition can depend on these. Sessions that load rows must not set them: a trigger or a constraint
 * of the target may rely on the settings of its database.
 */
const textSettings = {
  search_path: "pg_catalog",
  timezone: "UTC",
  datestyle: "ISO",
  intervalstyle: "postgres",
  extra_float_digits: "3",
  bytea_output: "hex",
  xmlbinary: "base64",
  lc_monetary: "C",
};

/** Makes the server write text that depends on no setting of user, database or server. */
export const setTextSettings = Object.entries(textSettings)
  .map(([name, value]) => `SET ${name} = '${value}'`)
  .join("; ");

/** With JIT, the server can take seconds to compile a long catalog query that runs in a tenth of a second. */
export const withoutJit = "SET jit = off";

/**
 * For queries of the catalog. During the work, the server writes every name with its schema, and dates, numbers and the like
 * in one form, whatever is set for user or database.
 */
export async function withQualifiedNames<T>(session: Session, work: () => Promise<T>): Promise<T> {
  const reset = Object.keys(textSettings)
    .map((name) => `RESET ${name}`)
    .join("; ");
  await session.run(`${setTextSettings}; ${withoutJit}`);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // In a transaction that has failed, this fails too, and says nothing about the reason.
    await session.run(reset).catch(() => undefined);
    throw error;
  }
  await session.run(reset);
  return result;
}
