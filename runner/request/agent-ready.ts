import * as z from "zod";
import { Server } from "./server";

/** Asks whether the agent of a `BackupAgent` works. */
export const AgentReadyRequest = z.strictObject({
  /** Name of the container, or of the Swarm service. */
  name: z.string().min(1),
  mode: z.enum(["container", "swarm"]),
  dockerHost: Server.dockerHost,
  /** Seconds to wait; on a swarm, for the agents of all nodes. */
  timeout: z.number().positive().default(600),
});
export type AgentReadyRequest = z.infer<typeof AgentReadyRequest>;
