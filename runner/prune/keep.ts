import type { KeepRequest } from "../request";
import { openBackup } from "../repository/open";
import type { StoredBackup } from "../repository/repository";

/** Marks a backup so that retention never removes it, or takes the mark away. */
export async function keep(request: KeepRequest, signal: AbortSignal): Promise<StoredBackup> {
  const { store, found } = await openBackup(request, signal);
  const kept = !request.release;
  await store.mark(found.name, found.id, kept);
  return { ...found, kept };
}
