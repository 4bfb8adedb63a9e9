/** Does several pieces of work at once. When one fails, the others are ended, and waited for; its error is thrown. */
export async function together<T extends readonly unknown[]>(
  signal: AbortSignal,
  work: readonly [...{ [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> }],
): Promise<T> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const begun = work.map(async (piece) => {
    try {
      return await piece(either);
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  try {
    return (await Promise.all(begun)) as unknown as T;
  } finally {
    await Promise.allSettled(begun);
  }
}
