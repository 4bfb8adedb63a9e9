/** The beginning of a comment, a name, a string or the body of a function. */
const opening = /--|["']|(?<![\w$\u0080-\uffff])\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/g;

/**
 * The quote that is open at the end of a line of pg_dump's script, given the one that is open at its beginning: lines within
 * quotes can look like statements. pg_dump doubles a quote within quotes, which closes and opens them again.
 */
export function openQuote(line: string, openBefore: string | undefined): string | undefined {
  let open = openBefore;
  let position = 0;
  for (;;) {
    if (open === undefined) {
      opening.lastIndex = position;
      open = opening.exec(line)?.[0];
      if (open === undefined || open === "--") return undefined;
      position = opening.lastIndex;
    }
    const end = line.indexOf(open, position);
    if (end < 0) return open;
    position = end + open.length;
    open = undefined;
  }
}
