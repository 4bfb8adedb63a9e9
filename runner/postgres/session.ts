import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { z } from "zod";
import { Failure } from "../failure";
import { execInteractive, type ExecTarget } from "../docker/exec";
import { errorLines, psql } from "./server";

/** One database session, held open by a psql in the container until it is closed or this program ends. */
export interface Session {
  /** Runs statements that return nothing. */
  run(sql: string): Promise<void>;
  /** Rows of one query, each as the JSON object that the server makes of it. */
  rows<T>(sql: string, row: z.ZodType<T>): Promise<T[]>;
  close(): Promise<void>;
}

export function openSession(target: ExecTarget, signal: AbortSignal): Session {
  const process = execInteractive(target, psql, {
    stdin: "pipe",
    stdout: "pipe",
    buffer: { stdout: false },
    reject: false,
    cancelSignal: signal,
  });
  const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();

  /** Everything that psql prints for these statements; its end is known by a line that no data can contain. */
  async function send(sql: string): Promise<string[]> {
    const marker = randomUUID();
    process.stdin.write(`${sql}\n;\n\\echo ${marker}\n`);
    const printed: string[] = [];
    for (;;) {
      const line = await lines.next();
      if (line.done === true) {
        const { stderr, shortMessage } = await process;
        throw new Failure(
          "server-error",
          errorLines(stderr) || (shortMessage ?? "The database session ended."),
        );
      }
      if (line.value === marker) return printed;
      printed.push(line.value);
    }
  }

  // A write to a psql that has ended fails with EPIPE; send() reports why it ended.
  process.stdin.on("error", () => undefined);

  return {
    run: async (sql) => {
      await send(sql);
    },
    rows: async (sql, row) => {
      const printed = await send(`SELECT to_jsonb(q) FROM (${sql}) q`);
      return printed.filter((line) => line !== "").map((line) => row.parse(JSON.parse(line)));
    },
    close: async () => {
      process.stdin.end();
      await process;
    },
  };
}
