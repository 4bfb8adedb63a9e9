import { isIP } from "node:net";
import * as z from "zod";
import { namesOneBackup, OneBackup } from "./repository";
import { Server } from "./server";

const dockerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const DockerName = z
  .string()
  .regex(dockerName, "must be two or more letters, digits, '_', '.', '-', and start with a letter or digit");

/** Variables that the component itself sets. With a second value, the image would not start the server. */
const ownVariables = /^POSTGRES_(USER|DB|PASSWORD)(_FILE)?$/;
const Variable = z
  .string()
  .regex(/^[^=\0\s]+$/, "must be the name of a variable")
  .refine((name) => !ownVariables.test(name), {
    error: ({ input }) => `${String(input)} is set by the arguments user, database and password`,
  });

const SettingName = z.string().regex(/^[A-Za-z_][\w$.-]*$/, "must be the name of a setting");

/** Settings that would make the server unreachable, or move its data out of the volume. */
const ownSettings: Readonly<Record<string, string>> = {
  port: "the server listens on 5432 in the container, and the argument port publishes it",
  data_directory: "the data is where the volume is mounted",
};

const Settings = z.record(SettingName, z.string()).superRefine((settings, context) => {
  for (const name of Object.keys(settings)) {
    const reason = ownSettings[name.toLowerCase()];
    if (reason !== undefined)
      context.addIssue({ code: "custom", path: [name], message: `cannot be set: ${reason}` });
  }
});

/** MiB, up to what Docker can count in bytes. */
const Mebibytes = z
  .int()
  .min(0)
  .max(2 ** 33);

/** The container to be created: everything that can be wrong with it. It never holds a password. */
export const PreflightRequest = z.strictObject({
  container: DockerName,
  dockerHost: Server.dockerHost,
  /** Value of the label {@link ownerLabel} on what is the caller's. Unset: the one of its last preflight, or a new one. */
  owner: z.string().min(1).optional(),
  /** False: the volume is deleted when the caller has another one. */
  keepData: z.boolean().default(true),
  /** Owner of a volume that the caller takes over. */
  adopt: z.string().min(1).optional(),
  hostAddress: z
    .string()
    .refine((address) => isIP(address) !== 0, "must be an IP address, such as 127.0.0.1"),
  /** Unset: it is not published yet, but taken over from another container later. */
  port: z.int().min(1).max(65535).optional(),
  backupDirectory: z.string().min(1).optional(),
  image: z.string().min(1).optional(),
  user: Server.user,
  database: Server.database,
  /** Docker volume with the data; it need not exist. */
  volume: DockerName.optional(),
  /** Where the volume is mounted in the container. */
  dataFolder: z.string().min(1).default("/var/lib/postgresql/data"),
  /** What the server is started with. */
  settings: Settings.default({}),
  /** Names of all variables that the container gets. */
  variables: z.array(Variable).default([]),
  /** Values of those that decide how the server starts. */
  environment: z.record(Variable, z.string()).default({}),
  /** Limit in MiB; 0 is none. */
  memory: Mebibytes.default(0),
  /** Size of `/dev/shm` in MiB. */
  shmSize: Mebibytes.default(64),
  network: z.string().min(1).optional(),
  /** Files of this machine that are mounted for the first start. */
  initScripts: z.array(z.string().min(1)).default([]),
  /** Backup whose tables a new volume is to hold. */
  restoreFrom: z.strictObject(OneBackup).superRefine(namesOneBackup).optional(),
  /** Makes no folder, and neither pulls nor starts the image. */
  dryRun: z.boolean().default(false),
});
export type PreflightRequest = z.infer<typeof PreflightRequest>;
export type PreflightRequestInput = z.input<typeof PreflightRequest>;

/** What the caller keeps, and passes to its next preflight. */
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
