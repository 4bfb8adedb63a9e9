import type { ListRequest } from "../request";
import { existingBackups, type Repository, type StoredBackup } from "../repository/repository";

/** The backups of one name, or of all names; sorted by name, oldest backups first. */
export async function list(repository: Repository, { name }: ListRequest): Promise<StoredBackup[]> {
  if (name !== undefined) return existingBackups(repository, name);
  const found: StoredBackup[] = [];
  for (const one of await repository.names()) found.push(...(await repository.backups(one)));
  return found;
}
