import * as z from "zod";
import { Duration } from "./duration";
import { BackupName, FolderPath, InRepository, namesOneBackup, OneBackup } from "./repository";
import { Retention } from "./retention";

export const ListRequest = z.strictObject({
  ...InRepository,
  name: BackupName.optional(),
  /** The newest good backup of each name and database must not be older. */
  maxAge: Duration.optional(),
});
export type ListRequest = z.infer<typeof ListRequest>;

export const ReportRequest = z.strictObject({
  ...InRepository,
  name: BackupName.optional(),
  /** The rules of the next prune, to show what it would remove. */
  retention: Retention.default({}),
  /** File that the page is written to; "-" is standard output. Unset: `report.html`, unless that is another file. */
  output: FolderPath.optional(),
});
export type ReportRequest = z.infer<typeof ReportRequest>;

export const PresentRequest = z.strictObject(OneBackup).superRefine(namesOneBackup);
export type PresentRequest = z.infer<typeof PresentRequest>;

export const PresentResult = z.strictObject({ present: z.boolean() });

export const StatusRequest = z
  .strictObject({
    repository: InRepository.repository.optional(),
    s3: InRepository.s3,
    name: BackupName.optional(),
    /** Configuration of an agent, whose jobs are meant instead of a repository. */
    agent: FolderPath.optional(),
    /** The newest good backup must not be older. */
    maxAge: Duration.optional(),
  })
  .refine(({ agent, repository }) => (agent === undefined) !== (repository === undefined), {
    path: ["repository"],
    message: "must be given, or else --agent, and not both",
  });
export type StatusRequest = z.infer<typeof StatusRequest>;

export const MetricsRequest = z.strictObject({
  ...InRepository,
  name: BackupName.optional(),
  /** "-" is standard output. */
  textfile: FolderPath.default("-"),
});
