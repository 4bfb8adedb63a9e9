import type { KeepRequest } from "../request";
import { openBackup } from "../repository/open";
import type { StoredBackup } from "../repository/repository";

/** Marks a backup so that retention never removes it, or removes the mark. */
export async function keep(request: KeepRequest, signal: AbortSignal): Promise<StoredBackup> {
  const { repository, found } = await openBackup(request, signal);
  const kept = !request.release;
  await repository.mark(found.name, found.id, kept);
  return { ...found, kept };
}
