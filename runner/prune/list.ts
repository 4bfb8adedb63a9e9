import type { ListRequest } from "../request";
import { existingBackups, type Store, type StoredBackup } from "../repository/repository";

/** The backups of one series, or of all; series by name, and the oldest backup of each first. */
export async function list(store: Store, { name }: ListRequest): Promise<StoredBackup[]> {
  if (name !== undefined) return existingBackups(store, name);
  const found: StoredBackup[] = [];
  for (const series of await store.series()) found.push(...(await store.backups(series)));
  return found;
}
