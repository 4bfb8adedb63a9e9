/** Retries for a silent server: fewer than the SDK's retries for a server that says that it is busy. */
import type { S3Client } from "@aws-sdk/client-s3";

export const mostStalls = 3;

/** Name of the error when a request is given up; the SDK does not retry after it. */
export const silentServer = "SilentServerError";

/** Counts the stalls of each request of a client, and gives it up after {@link mostStalls}. */
export function endStalls(client: S3Client, seconds: number): void {
  client.middlewareStack.add(
    (next) => {
      let stalls = 0;
      return async (args) => {
        try {
          return await next(args);
        } catch (error) {
          if (!isStall(error) || ++stalls < mostStalls) throw error;
          const times = `it was silent for ${seconds} s, ${mostStalls} times`;
          throw Object.assign(new Error(times), { name: silentServer });
        }
      };
    },
    // Within the retries.
    { step: "finalizeRequest", name: "endStalls", priority: "low" },
  );
}

/** The SDK gives a lost connection the same error name, but with a code. */
export function isStall(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== "TimeoutError") return false;
  return !("code" in error) || error.code === "ETIMEDOUT";
}
