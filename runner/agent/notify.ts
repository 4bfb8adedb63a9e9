/** Tells others about runs. What cannot be told is logged and counted; it never fails a backup. */
import { readFile } from "node:fs/promises";
import os from "node:os";
import type { SendMailOptions } from "nodemailer";
import pRetry from "p-retry";
import type { AgentConfig, AgentNotify } from "../request";

/** The body of a webhook. Version 1 only gains fields. `docs/agent.md` describes it. */
export interface RunEvent {
  readonly version: 1;
  readonly event: "start" | "success" | "failure";
  readonly kind: "backup" | "verify" | "restoreTest";
  readonly job: string;
  /** Backup name; that of the job, unless its source is a label. Absent where the run failed before it was known. */
  readonly name?: string;
  readonly host: string;
  /** When it was told, and when the run was due. */
  readonly at: string;
  readonly due?: string;
  readonly backup?: {
    readonly id: string;
    readonly location: string;
    readonly sizeBytes?: number;
    readonly alarm?: string;
  };
  readonly error?: { readonly code: string; readonly message: string };
}

export type Channel = "webhook" | "ping" | "email";

/** Sends one mail. */
export type SendMail = (mail: SendMailOptions) => Promise<unknown>;

export interface Notifier {
  tell(notify: AgentNotify, event: RunEvent): void;
  /** Waits for what is being told. */
  settled(): Promise<void>;
}

interface NotifierOptions {
  readonly smtp: () => AgentConfig["smtp"];
  readonly failed: (channel: Channel, event: RunEvent, reason: string) => void;
  /** Milliseconds before the second attempt; it doubles after each. */
  readonly firstPause?: number;
}

/** Attempts, the time each may take, and so about two minutes in all. */
const attempts = 5;
const attemptMilliseconds = 15_000;

export function notifier({ smtp, failed, firstPause = 2000 }: NotifierOptions): Notifier {
  const underWay = new Set<Promise<void>>();
  const send = (channel: Channel, event: RunEvent, attempt: () => Promise<unknown>) => {
    const sent = pRetry(attempt, { retries: attempts - 1, minTimeout: firstPause, unref: true }).then(
      () => undefined,
      (error: unknown) => {
        failed(channel, event, reasonOf(error));
      },
    );
    underWay.add(sent);
    void sent.finally(() => underWay.delete(sent));
  };
  return {
    tell(notify, event) {
      const { webhook, webhookFile, ping, pingFile, email } = notify;
      if (webhook !== undefined || webhookFile !== undefined)
        send("webhook", event, async () =>
          post(await addressIn(webhook, webhookFile), JSON.stringify(event)),
        );
      // A dead man's switch watches the backups; what a verification finds goes the other ways.
      if (event.kind === "backup" && (ping !== undefined || pingFile !== undefined))
        send("ping", event, async () =>
          post(pingAddress(await addressIn(ping, pingFile), event), event.error?.message),
        );
      const settings = smtp();
      if (email !== undefined && settings !== undefined && event.event === "failure")
        send("email", event, () => sendMail(settings, email, event));
    },
    async settled() {
      await Promise.all(underWay);
    },
  };
}

async function addressIn(address: string | undefined, file: string | undefined): Promise<string> {
  return address ?? (await readFile(file ?? "", "utf8")).trim();
}

function pingAddress(address: string, { event }: RunEvent): string {
  const url = new URL(address);
  const behind = { start: "/start", success: "", failure: "/fail" }[event];
  url.pathname = url.pathname.replace(/\/$/, "") + behind;
  return url.href;
}

async function post(address: string, body: string | undefined): Promise<void> {
  const response = await fetch(address, {
    method: "POST",
    ...(body === undefined
      ? {}
      : { body, headers: { "content-type": body.startsWith("{") ? "application/json" : "text/plain" } }),
    signal: AbortSignal.timeout(attemptMilliseconds),
    redirect: "error",
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the server answers with status ${response.status}`);
}

async function sendMail(
  smtp: NonNullable<AgentConfig["smtp"]>,
  to: readonly string[],
  event: RunEvent,
): Promise<void> {
  const { url, user, passwordFile, from } = smtp;
  const pass =
    passwordFile === undefined ? undefined : (await readFile(passwordFile, "utf8")).replace(/\r?\n$/, "");
  const { hostname: host, port, protocol } = new URL(url);
  const secure = protocol === "smtps:";
  const transport = mailer().createTransport({
    ...{ host, port: port === "" ? (secure ? 465 : 587) : Number(port), secure },
    ...(user === undefined ? {} : { auth: { user, pass: pass ?? "" } }),
    connectionTimeout: attemptMilliseconds,
    greetingTimeout: attemptMilliseconds,
    socketTimeout: attemptMilliseconds,
  });
  await transport.sendMail({ from, to: [...to], ...mailAbout(event) });
}

const kinds = { backup: "backup", verify: "verification", restoreTest: "restore test" };

/** Subject and text. */
export function mailAbout({ job, kind, host, due, at, error }: RunEvent): { subject: string; text: string } {
  return {
    subject: `The ${kinds[kind]} of ${job} failed (${error?.code ?? "unknown"})`,
    text: [
      error?.message ?? "",
      "",
      `Host: ${host}`,
      ...(due === undefined ? [] : [`Due: ${due}`]),
      `Failed: ${at}`,
      `What the code means: docs/errors.md, ${error?.code ?? "unknown"}`,
      "",
    ].join("\n"),
  };
}

/** Not what `fetch` says alone, which is "fetch failed"; and no address, whose path may be a secret. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return `${error.message} (${(cause as { code?: string }).code ?? cause.message})`;
}

export const hostName = (): string => os.hostname();

/** Loaded only when a mail is sent. */
function mailer() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import of this module loads it always
  return require("nodemailer") as typeof import("nodemailer");
}
