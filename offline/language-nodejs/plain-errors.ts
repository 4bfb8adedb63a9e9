import util from "node:util";

const inspect = util.inspect;

/**
 * Loaded into each program before the SDK, which prints errors in colour: some releases of Node.js 20 colour a
 * stack line that ends in a scoped package, as the SDK's mapped lines do, for half a minute until memory is full.
 */
util.inspect = Object.assign((value: unknown, options?: util.InspectOptions): string => {
  const plain = value instanceof Error && typeof options === "object";
  return inspect(value, plain ? { ...options, colors: false } : options);
}, inspect);
