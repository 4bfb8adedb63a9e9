/**
 * Server settings for a database of tens of GB that is loaded in bulk and read by few: PostgreSQL's own defaults are
 * for a machine of a few hundred MB.
 */
export const defaultSettings: Readonly<Record<string, string>> = {
  shared_buffers: "1GB",
  effective_cache_size: "4GB",
  work_mem: "32MB",
  maintenance_work_mem: "512MB",
  max_wal_size: "8GB",
  checkpoint_timeout: "15min",
  wal_compression: "on",
  random_page_cost: "1.1",
};

/** The settings that the server is started with. */
export function serverSettings(settings: Readonly<Record<string, string>>): Record<string, string> {
  return { ...defaultSettings, ...settings };
}

/** Arguments of the container: the server with its settings. */
export function serverCommand(settings: Readonly<Record<string, string>>): string[] {
  const options = Object.entries(serverSettings(settings));
  return ["postgres", ...options.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** From PostgreSQL 18 on, the official images keep the data one folder below their volume. */
export function dataFolder(image: string): string {
  const major = Number(/:(\d+)[^/]*$/.exec(image)?.[1]);
  return major >= 18 ? "/var/lib/postgresql" : "/var/lib/postgresql/data";
}
