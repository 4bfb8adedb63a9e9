const ESCAPES: Record<string, string> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\u000b": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** Quotes a string like Go's %q, because the official provider shows a failed command in this way. */
export function goQuote(text: string): string {
  const quoted = text.replace(/["\\\u0000-\u001f\u007f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(2, "0");
    return ESCAPES[character] ?? `\\x${code}`;
  });
  return `"${quoted}"`;
}

/** The error text of Go for a process that could not start. */
export function startFailure(
  error: NodeJS.ErrnoException,
  program: string,
  dir: string | undefined,
  dirExists: boolean,
): string {
  if (dir !== undefined && !dirExists) return `chdir ${dir}: no such file or directory`;
  switch (error.code) {
    case "ENOENT":
      return program.includes("/")
        ? `fork/exec ${program}: no such file or directory`
        : `exec: ${goQuote(program)}: executable file not found in $PATH`;
    case "EACCES":
      return `fork/exec ${program}: permission denied`;
    case "E2BIG":
      return `fork/exec ${program}: argument list too long`;
    default:
      return `fork/exec ${program}: ${error.message}`;
  }
}

/** The error text of Go for a process that failed. Undefined if it succeeded. */
export function exitFailure(code: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (signal !== null) return `signal: ${SIGNAL_NAMES[signal] ?? signal}`;
  return code === 0 ? undefined : `exit status ${code ?? -1}`;
}

const SIGNAL_NAMES: Partial<Record<NodeJS.Signals, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGABRT: "aborted",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGPIPE: "broken pipe",
  SIGTERM: "terminated",
};
