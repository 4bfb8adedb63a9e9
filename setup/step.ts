/** Runs a step that may take long: says what it does, then how long it took. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  console.error(`• ${title} …`);
  const result = await work();
  console.error(`  done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

/** Ends the set-up with a message that says what the user can do. */
export class SetupError extends Error {}
