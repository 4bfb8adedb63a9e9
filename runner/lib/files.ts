import { open } from "node:fs/promises";

/** Syncs a file, or the entries of a folder, to disk, so that they survive a power cut. */
export async function syncToDisk(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
