import type { KeepRequest } from "../request";
import { findBackup, type Store, type StoredBackup } from "../repository/repository";

/** Marks a backup so that retention never removes it, or takes the mark away. */
export async function keep(store: Store, { name, backup, remove }: KeepRequest): Promise<StoredBackup> {
  const found = await findBackup(store, name, backup);
  await store.mark(name, found.id, !remove);
  return { ...found, kept: !remove };
}
