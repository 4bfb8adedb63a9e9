import { z } from "zod";

/** Where the server is: always inside a container, over TCP on the loopback interface of that container. */
export const Server = {
  container: z.string().min(1, "must name a container"),
  user: z.string().min(1).default("postgres"),
  database: z.string().min(1).default("postgres"),
  /** Docker daemon address, as in DOCKER_HOST. Unset: whatever the docker command line finds. */
  dockerHost: z.string().min(1).optional(),
};
