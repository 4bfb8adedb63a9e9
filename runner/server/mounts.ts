/** What of this machine the container sees, as `docker run --mount` takes it. */
import path from "node:path";
import type { PreflightRequest } from "../request";

export const scriptTarget = (script: string) => `/docker-entrypoint-initdb.d/${path.basename(script)}`;

export function bindMounts({ backupDirectory, initScripts }: PreflightRequest): string[] {
  return [
    ...(backupDirectory === undefined ? [] : [bind(backupDirectory, "/backups")]),
    ...initScripts.map((script) => `${bind(script, scriptTarget(script))},readonly`),
  ];
}

function bind(source: string, target: string): string {
  return ["type=bind", csvField(`source=${path.resolve(source)}`), csvField(`target=${target}`)].join(",");
}

/** The value of --mount is one line of CSV. */
function csvField(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
