import util from "node:util";

const inspect = util.inspect;

/**
 * Turns off colours in errors. It is loaded into each program before the SDK. Some releases of Node.js 20 need half a
 * minute and all memory to colour a stack line that ends in a scoped package, and the SDK prints such lines.
 */
util.inspect = Object.assign((value: unknown, options?: util.InspectOptions): string => {
  const plain = value instanceof Error && typeof options === "object";
  return inspect(value, plain ? { ...options, colors: false } : options);
}, inspect);
