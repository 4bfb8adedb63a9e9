import * as z from "zod";
import { withoutControls } from "./repository";

/** The server, which always runs inside a container. Port and socket are found there. */
export const Server = {
  container: withoutControls.min(1, "must name a container"),
  user: z.string().min(1).default("postgres"),
  database: z.string().min(1).default("postgres"),
  /** Docker daemon address, as in DOCKER_HOST. Unset: whatever the docker command line finds. */
  dockerHost: z.string().min(1).optional(),
};

/** Parallel workers of `pg_dump` or `pg_restore`. Unset: by the cores of this machine. */
export const Jobs = z.int().min(1).max(64).optional();

/** Tables with at least this many bytes, without indexes, are dumped or loaded by several workers at once; 0 for never. */
export const SplitTablesFrom = z
  .int()
  .min(0)
  .default(512 * 2 ** 20);

/** Seconds to wait for a table that somebody else has locked. */
export const LockTimeout = z.int().min(1).max(86_400).default(60);
