import { z } from "zod";
import { Server } from "./server";

export const PreflightRequest = z.strictObject({
  container: Server.container,
  dockerHost: Server.dockerHost,
  /** Value of the label {@link ownerLabel} on a container that may exist already because it is the caller's. */
  owner: z.string().min(1),
  hostAddress: z.string().min(1),
  /** Unset: it is not published yet, but taken over from another container later. */
  port: z.int().min(1).max(65535).optional(),
  backupDirectory: z.string().min(1).optional(),
});
export type PreflightRequest = z.infer<typeof PreflightRequest>;
export type PreflightRequestInput = z.input<typeof PreflightRequest>;

/** Label by which a container is known to belong to one component of one stack. */
export const ownerLabel = "postgis-backup.owner";
