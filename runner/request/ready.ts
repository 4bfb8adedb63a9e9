import * as z from "zod";
import { Server } from "./server";

export const ReadyRequest = z.strictObject({
  ...Server,
  /** Seconds to wait. The first start of a new volume runs the init scripts before the server answers. */
  timeout: z.number().positive().default(600),
});
export type ReadyRequest = z.infer<typeof ReadyRequest>;
export type ReadyRequestInput = z.input<typeof ReadyRequest>;
