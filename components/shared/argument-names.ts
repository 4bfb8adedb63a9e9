/** The arguments of each component by name, for programs that no compiler has checked. */
import type { BackupBucketArgs } from "../backup-bucket/args";
import type { MigrationArgs } from "../migration/args";
import type { PostgisContainerArgs } from "../postgis-container/args";
import type { TableBackupArgs } from "../table-backup/args";
import type { TableRestoreArgs } from "../table-restore/args";

/** All names of a component's arguments; the compiler sees to it that none is missing and none is too many. */
export type NamesOf<A> = Readonly<Record<keyof A, true | Readonly<Record<string, true>>>>;

const connectionNames = {
  container: true,
  user: true,
  database: true,
  dockerHost: true,
  volume: true,
} as const;
const s3Names = { endpoint: true, region: true, forcePathStyle: true } as const;

export const postgisContainerNames: NamesOf<PostgisContainerArgs> = {
  image: true,
  containerName: true,
  hostAddress: true,
  port: true,
  standby: true,
  database: true,
  user: true,
  password: true,
  volumeName: true,
  keepData: true,
  adopt: true,
  backupDirectory: true,
  initScripts: true,
  restoreFrom: true,
  s3: s3Names,
  environment: true,
  settings: true,
  memory: true,
  shmSize: true,
  network: true,
  labels: true,
  startTimeout: true,
  dockerHost: true,
};

export const tableBackupNames: NamesOf<TableBackupArgs> = {
  connection: connectionNames,
  password: true,
  tables: true,
  excludeTables: true,
  directory: true,
  bucket: true,
  prefix: true,
  s3: s3Names,
  keepLocal: true,
  uploadLimit: true,
  backupName: true,
  format: true,
  jobs: true,
  splitTablesFrom: true,
  compression: true,
  accept: true,
  missingReferences: true,
  logicalForeignKeys: true,
  maxOrphans: true,
  lockTimeout: true,
  verify: true,
  retention: {
    keepLast: true,
    keepDaily: true,
    keepWeekly: true,
    keepMonthly: true,
    keepYearly: true,
    minSizeRatio: true,
  },
  fileMode: true,
  triggers: true,
  every: true,
};

export const tableRestoreNames: NamesOf<TableRestoreArgs> = {
  connection: connectionNames,
  password: true,
  location: true,
  s3: s3Names,
  tables: true,
  excludeTables: true,
  schemas: true,
  content: true,
  ifExists: true,
  missingRoles: true,
  jobs: true,
  splitTablesFrom: true,
  lockTimeout: true,
  triggers: true,
};

export const migrationNames: NamesOf<MigrationArgs> = {
  from: connectionNames,
  to: connectionNames,
  password: true,
  directory: true,
  backupName: true,
  format: true,
  excludeTables: true,
  excludeDatabases: true,
  leaveBehind: true,
  logicalForeignKeys: true,
  missingRoles: true,
  jobs: true,
  lockTimeout: true,
  oldServer: true,
  triggers: true,
};

export const backupBucketNames: NamesOf<BackupBucketArgs> = {
  bucketName: true,
  existingBucket: true,
  partition: true,
  prefix: true,
  kmsKeyArn: true,
  abortIncompleteUploadsDays: true,
  expireNoncurrentDays: true,
  transitionDays: true,
  transitionStorageClass: true,
  objectLockDays: true,
  objectLockMode: true,
  keepBucket: true,
  tags: true,
  withoutProtections: true,
};
