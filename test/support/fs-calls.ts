/** Runs compiled code of the runner in a process of its own, and sees, or ends, what it asks of the file system. */
import path from "node:path";
import { execa } from "execa";

/** One call that changes something, with the names of the files. */
export interface FsCall {
  readonly call: string;
  readonly file: string;
  readonly to?: string;
}

/** Below all of Node's own ways to call them; so that those with `flush` are seen too. */
const watch = `
const fs = process.binding("fs");
const names = new Map();
const calls = [];
const killAt = Number(process.env.KILL_AT ?? "0");
let count = 0;
const note = (call, file, to) => {
  calls.push({ call, file: String(file), ...(to === undefined ? {} : { to: String(to) }) });
  if (++count === killAt) process.kill(process.pid, "SIGKILL");
};
const wrap = (name, tell) => {
  const original = fs[name];
  fs[name] = function (...args) { tell(...args); return original.apply(this, args); };
};
for (const name of ["open", "openFileHandle"]) {
  const original = fs[name];
  fs[name] = function (file, flags, ...rest) {
    if ((flags & 3) !== 0) note("open", file);
    const keep = (opened) => {
      const fd = typeof opened === "number" ? opened : opened?.fd;
      if (fd !== undefined) names.set(fd, String(file));
      return opened;
    };
    const callback = rest.findIndex((it) => it !== null && typeof it === "object" && typeof it.oncomplete === "function");
    if (callback >= 0) {
      const { oncomplete } = rest[callback];
      rest[callback].oncomplete = function (error, opened) { keep(opened); return oncomplete.call(this, error, opened); };
    }
    const result = original.call(this, file, flags, ...rest);
    return result !== undefined && typeof result.then === "function" ? result.then(keep) : keep(result);
  };
}
wrap("fsync", (fd) => note("fsync", names.get(fd)));
for (const name of ["writeBuffer", "writeBuffers", "writeString"]) wrap(name, (fd) => names.has(fd) && note("write", names.get(fd)));
wrap("rename", (from, to) => note("rename", from, to));
wrap("symlink", (target, file) => note("symlink", file, target));
for (const name of ["unlink", "rmdir", "mkdir", "chmod", "rmSync"]) if (fs[name]) wrap(name, (file) => note(name, file));
process.on("exit", () => { require("node:fs").writeSync(1, "\\n" + JSON.stringify(calls)); });
`;

/** All calls, or those before the process is killed instead of the one of that number. */
export async function watchFs(
  script: string,
  env: Record<string, string>,
  killAt = 0,
): Promise<FsCall[] | undefined> {
  const { stdout, stderr, exitCode, signal } = await execa(
    "node",
    ["--no-warnings", "-e", `{${watch}}\n${script}`],
    {
      env: { ...env, KILL_AT: String(killAt), DIST: path.resolve("dist/runner") },
      reject: false,
    },
  );
  if (signal === "SIGKILL") return undefined;
  if (exitCode !== 0) throw new Error(`${script} failed: ${stderr}`);
  return JSON.parse(stdout.slice(stdout.lastIndexOf("\n"))) as FsCall[];
}
