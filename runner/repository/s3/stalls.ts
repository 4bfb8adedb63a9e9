/** A server that answers no more is asked again a few times, and not as often as one that says that it is busy. */
import type { S3Client } from "@aws-sdk/client-s3";

export const mostStalls = 3;

/** Name of the error of a request that was given up; the SDK does not try again for it. */
export const silentServer = "SilentServerError";

/** To be asked by each attempt of a request. */
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

/** The SDK calls a connection that was lost by the same name, but with a code. */
export function isStall(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== "TimeoutError") return false;
  return !("code" in error) || error.code === "ETIMEDOUT";
}
