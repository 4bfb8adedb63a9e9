import { z } from "zod";
import { Server } from "./server";

export const PreflightRequest = z.strictObject({
  container: Server.container,
  dockerHost: Server.dockerHost,
  /** Value of the label {@link ownerLabel} on what is the caller's. Unset: the one of its last preflight, or a new one. */
  owner: z.string().min(1).optional(),
  /** Docker volume with the data; it need not exist. */
  volume: z.string().min(1).optional(),
  /** False: the volume is deleted when the caller has another one. */
  keepData: z.boolean().default(true),
  /** Owner of a volume that the caller takes over. */
  adopt: z.string().min(1).optional(),
  hostAddress: z.string().min(1),
  /** Unset: it is not published yet, but taken over from another container later. */
  port: z.int().min(1).max(65535).optional(),
  backupDirectory: z.string().min(1).optional(),
});
export type PreflightRequest = z.infer<typeof PreflightRequest>;
export type PreflightRequestInput = z.input<typeof PreflightRequest>;

/** What the caller keeps, and hands over in its next preflight. */
export const PreflightResult = z.strictObject({
  /** Value of the label {@link ownerLabel}. */
  owner: z.string(),
  /** Owners of the volumes that were taken over. */
  adopted: z.array(z.string()),
  /** The volume with the data. */
  volume: z.string().optional(),
});
export type PreflightResult = z.infer<typeof PreflightResult>;

/** Label by which a container and a volume are known to belong to one component of one stack. */
export const ownerLabel = "postgis-backup.owner";
