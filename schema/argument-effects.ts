/**
 * What a change of each argument of each component does. docs/arguments.md and docs/settings.md are generated from this
 * table ("npm run schema"). test/e2e/arguments-*.test.ts and test/offline/bucket-arguments.test.ts try every line on a real stack,
 * but for those that are marked `apart`; test/unit/components/arguments.test.ts tries the values that each constructor refuses.
 */
import type {
  BackupAgentArgs,
  BackupBucketArgs,
  DatabaseBackupArgs,
  DatabaseRestoreArgs,
  MigrationArgs,
  PostgisContainerArgs,
  TableBackupArgs,
  TableRestoreArgs,
} from "../components";

/** Effects in the words of the documentation. */
export const effects = {
  nothing: "nothing",
  container: "new container, same data",
  limit: "applied to the running container; without a limit, new container, same data",
  server: "applied to the running server",
  login: "new container, same data; refused while the server has no such role or database",
  newVolume: "nothing; acts on a new volume",
  adoption: "nothing; a volume of another owner is taken over",
  otherVolume: "refused, because the data is in the present one",
  otherName: "new container, same data, where `volumeName` names their volume, else refused",
  protection: "what becomes of the data when the stack goes; container and data stay as they are",
  newBackup: "new backup",
  noBackup: "no new backup",
  nextBackup: "acts with the next backup",
  newRestore: "new restore",
  noRestore: "restores nothing",
  newMigration: "new migration",
  portAgain: "the new container gets the port again; nothing is migrated again",
  noMigration: "migrates nothing",
  removal: "the old container goes, in a second step",
  bucket: "update of the bucket's settings; objects stay",
  policies: "update of the policies",
  otherBucket: "refused while `keepBucket` protects the bucket",
  bucketProtection: "what becomes of the bucket when the stack goes; bucket and objects stay as they are",
  agent: "new agent; a backup that runs is interrupted, and taken again",
  agentMode: "the agent goes, and another kind is made; what is due meanwhile is caught up",
  agentNodes: "agents are started and ended",
  adopted: "the outputs name another bucket; nothing in S3 is changed",
} as const;
export type Effect = keyof typeof effects;

/** What a test has at hand for values that are there at run time only. */
export interface Fixture {
  readonly image: string;
  /** Another image of the same version. */
  readonly otherImage: string;
  /** An image of another major version of PostgreSQL. */
  readonly otherMajor: string;
  readonly container: string;
  readonly folder: string;
  readonly network: string;
  readonly freePort: number;
  readonly busyPort: number;
  readonly dockerHost: string;
  readonly location: string;
  readonly bucket: string;
  readonly endpoint: string;
}

interface Wrong {
  /** Who refuses it: the constructor, or a run, before anything is changed; values of one run are told together. */
  readonly by: "constructor" | `run ${number}`;
  readonly value: (fixture: Fixture) => unknown;
  /** What the error says. */
  readonly says: RegExp;
}

export interface Argument {
  readonly effect: Effect;
  /** Effects of what is nested in it, where they are others. */
  readonly nested?: Readonly<Record<string, Effect>>;
  /** Another value that is right. */
  readonly change: (fixture: Fixture) => unknown;
  /** It is refused beside the changes of others, so that it is tried without them. */
  readonly apart?: true;
  /** Where the change shows in the plan: the child of the component, and the start of the path of its input. */
  readonly shows?: readonly [child: string, path: string];
  readonly wrong?: readonly Wrong[];
}

const refused = (value: unknown, says: RegExp): readonly Wrong[] => [
  { by: "constructor", value: () => value, says },
];

export const postgisContainer = {
  image: {
    effect: "container",
    change: ({ otherImage }) => otherImage,
    shows: ["container", "image"],
    wrong: [
      { by: "run 2", value: () => "pgb-test-no-such-image", says: /error\[image-not-available\]/ },
      { by: "run 3", value: ({ otherMajor }) => otherMajor, says: /error\[data-unsuitable\].*Migration/ },
    ],
  },
  containerName: {
    effect: "otherName",
    change: ({ container }) => `${container}-2`,
    wrong: refused("-", /^containerName: must be two or more/),
  },
  hostAddress: {
    effect: "container",
    change: () => "127.0.0.2",
    shows: ["container", "ports"],
    wrong: [
      ...refused("localhost", /^hostAddress: must be an IP address/),
      {
        by: "run 1",
        value: () => "192.0.2.1",
        says: /error\[address-invalid\]: 192\.0\.2\.1 is not an address/,
      },
    ],
  },
  port: {
    effect: "container",
    change: ({ freePort }) => freePort,
    shows: ["container", "ports"],
    wrong: [
      ...refused(70000, /^port: .*65535/),
      { by: "run 2", value: ({ busyPort }) => busyPort, says: /error\[port-in-use\]/ },
    ],
  },
  standby: { effect: "container", change: () => true, shows: ["container", "networksAdvanced"] },
  database: {
    effect: "login",
    change: () => "second",
    shows: ["container", "envs"],
    wrong: [{ by: "run 1", value: () => "nobody", says: /error\[connection-refused\].*database "nobody"/ }],
  },
  user: {
    effect: "login",
    change: () => "second",
    shows: ["container", "envs"],
    wrong: [{ by: "run 2", value: () => "nobody", says: /error\[connection-refused\].*user "nobody"/ }],
  },
  password: {
    effect: "server",
    change: () => "another",
    shows: ["ready", "environment"],
    wrong: refused("a\nb", /^password: must be one line/),
  },
  volumeName: {
    effect: "otherVolume",
    change: ({ container }) => `${container}-other`,
    wrong: refused("/srv/data", /^volumeName: must be two or more/),
  },
  keepData: { effect: "protection", change: () => false },
  adopt: { effect: "adoption", change: () => "another owner", wrong: refused("", /^adopt: /) },
  backupDirectory: {
    effect: "container",
    change: ({ folder }) => `${folder}/backups`,
    shows: ["container", "mounts"],
    wrong: [
      {
        by: "run 1",
        value: ({ folder }) => `${folder}/file/backups`,
        says: /error\[folder-not-writable\]/,
      },
    ],
  },
  initScripts: {
    effect: "container",
    change: ({ folder }) => [`${folder}/init.sql`],
    shows: ["container", "mounts"],
    wrong: [
      {
        by: "run 1",
        value: ({ folder }) => [`${folder}/missing.sql`],
        says: /error\[init-script-not-readable\].*missing\.sql/,
      },
    ],
  },
  restoreFrom: {
    effect: "newVolume",
    change: ({ location }) => location,
    wrong: [
      {
        by: "run 5",
        value: ({ folder }) => `${folder}/missing/cbm/latest`,
        says: /There is no folder .*missing/,
      },
    ],
  },
  s3: { effect: "newVolume", change: () => ({ region: "eu-central-1" }) },
  environment: {
    effect: "container",
    change: () => ({ TZ: "UTC" }),
    shows: ["container", "envs"],
    wrong: refused({ POSTGRES_PASSWORD: "x" }, /^environment\.0: POSTGRES_PASSWORD is set by/),
  },
  settings: {
    effect: "container",
    change: () => ({ shared_buffers: "64MB", work_mem: "8MB" }),
    shows: ["container", "command"],
    wrong: [
      ...refused({ port: "5433" }, /^settings\.port: cannot be set: .*argument port publishes it/),
      ...refused({ DATA_DIRECTORY: "/data" }, /^settings\.DATA_DIRECTORY: cannot be set/),
      {
        by: "run 1",
        value: () => ({ shared_buffers: "much", no_such_setting: "1" }),
        says: /error\[settings-refused\][^]*"shared_buffers": "much"[^]*no_such_setting/,
      },
      {
        by: "run 6",
        value: () => ({ shared_preload_libraries: "no_such_library" }),
        says: /error\[settings-refused\][^]*could not access file "no_such_library"/,
      },
    ],
  },
  memory: {
    effect: "limit",
    change: () => 700,
    shows: ["container", "memory"],
    wrong: [
      ...refused(-1, /^memory: /),
      { by: "run 4", value: () => 3, says: /error\[docker-failed\].*Minimum memory limit/ },
    ],
  },
  shmSize: {
    effect: "container",
    change: () => 96,
    shows: ["container", "shmSize"],
    wrong: refused(-1, /^shmSize: /),
  },
  network: {
    effect: "container",
    change: ({ network }) => network,
    shows: ["container", "networksAdvanced"],
    wrong: [{ by: "run 1", value: () => "pgb-test-no-such-network", says: /error\[network-unsuitable\]/ }],
  },
  labels: {
    effect: "container",
    change: () => ({ team: "gis" }),
    shows: ["container", "labels"],
  },
  checkInPreview: {
    effect: "nothing",
    change: () => false,
    wrong: refused("false", /^checkInPreview: must be true or false/),
  },
  startTimeout: {
    effect: "nothing",
    change: () => 601,
    shows: ["ready", "stdin"],
    wrong: refused(0, /^startTimeout: /),
  },
  dockerHost: {
    effect: "nothing",
    change: ({ dockerHost }) => dockerHost,
    shows: ["ready", "stdin"],
    wrong: [
      {
        by: "run 7",
        value: () => "unix:///nonexistent.sock",
        says: /error\[docker-unreachable\]/,
      },
    ],
  },
} satisfies Record<keyof PostgisContainerArgs, Argument>;

const trigger = (name: string): readonly [string, string] => ["backup", `triggers[0].${name}`];

const ofBackups = {
  connection: {
    effect: "newBackup",
    nested: { user: "noBackup", dockerHost: "noBackup" },
    change: ({ container }) => ({ container, database: "second" }),
    shows: trigger("database"),
    wrong: [
      {
        by: "run 1",
        value: ({ container }) => ({ container, database: "nobody" }),
        says: /error\[connection-refused\].*database "nobody"/s,
      },
    ],
  },
  password: { effect: "noBackup", change: () => "another" },
  repository: {
    effect: "newBackup",
    change: ({ bucket }) => `s3://${bucket}/cbm/other`,
    shows: trigger("repository"),
    wrong: [
      ...refused("s3://B", /^repository: "s3:\/\/B" is not a repository in S3/),
      { by: "run 3", value: ({ folder }) => `${folder}/file/x`, says: /error\[folder-not-writable\]/ },
    ],
  },
  copies: {
    effect: "newBackup",
    change: ({ folder }) => [`${folder}/elsewhere`],
    shows: trigger("copies"),
    wrong: [
      ...refused(["s3://B"], /^copies\.0: "s3:\/\/B" is not a repository in S3/),
      { by: "run 3", value: () => ["s3://no-such-bucket"], says: /error\[bucket-not-found\]/ },
    ],
  },
  workDirectory: {
    effect: "noBackup",
    change: ({ folder }) => `${folder}/work`,
    wrong: refused("", /^workDirectory: /),
  },
  s3: {
    effect: "newBackup",
    nested: {
      ...{ region: "noBackup", forcePathStyle: "noBackup", timeout: "noBackup", uploadLimit: "noBackup" },
      ...{ conditionalWrites: "noBackup", checksum: "noBackup", maxParts: "noBackup" },
    },
    change: ({ endpoint }) => ({
      endpoint: endpoint.replace("127.0.0.1", "localhost"),
      region: "eu-central-1",
      forcePathStyle: true,
      timeout: 20,
      uploadLimit: 100_000_000,
      conditionalWrites: false,
      checksum: "md5",
      maxParts: 1000,
    }),
    shows: trigger("endpoint"),
    wrong: [
      ...refused({ uploadLimit: 0 }, /^s3\.uploadLimit: /),
      ...refused({ checksum: "sha1" }, /^s3\.checksum: /),
      ...refused({ maxParts: 10_001 }, /^s3\.maxParts: /),
    ],
  },
  backupName: {
    effect: "newBackup",
    change: () => "other",
    shows: trigger("name"),
    wrong: refused("../x", /^backupName: must be letters/),
  },
  format: {
    effect: "newBackup",
    change: () => "plain",
    shows: trigger("format"),
    wrong: refused("tar", /^format: /),
  },
  jobs: { effect: "noBackup", change: () => 2, wrong: refused(0, /^jobs: /) },
  splitTablesFrom: { effect: "noBackup", change: () => 0, wrong: refused(-1, /^splitTablesFrom: /) },
  fullEvery: {
    effect: "noBackup",
    apart: true,
    change: () => "7d",
    wrong: [
      ...refused("often", /^fullEvery: must be a duration/),
      ...refused("7d", /^fullEvery: has no effect here: only archives in the directory format share/),
    ],
  },
  compression: {
    effect: "newBackup",
    change: () => "gzip:1",
    shows: trigger("compression"),
    wrong: refused("rar", /^compression: /),
  },
  accept: {
    effect: "newBackup",
    change: () => ["topologies"],
    shows: trigger("accept"),
    wrong: refused(["everything"], /^accept/),
  },
  logicalForeignKeys: {
    effect: "noBackup",
    change: () => ["other.id -> marker.id"],
    wrong: refused([""], /^logicalForeignKeys/),
  },
  maxOrphans: { effect: "noBackup", change: () => 5, wrong: refused(-1, /^maxOrphans: /) },
  lockTimeout: { effect: "noBackup", change: () => 30, wrong: refused(0, /^lockTimeout: /) },
  verify: { effect: "noBackup", change: () => "none", wrong: refused("twice", /^verify: /) },
  retention: {
    effect: "nextBackup",
    change: () => ({
      keepLast: 30,
      keepDaily: 30,
      keepWeekly: 30,
      keepMonthly: 30,
      keepYearly: 30,
      keepWithin: "30d",
      minSizeRatio: 0.1,
    }),
    wrong: [
      "keepLast",
      "keepDaily",
      "keepWeekly",
      "keepMonthly",
      "keepYearly",
      "keepWithin",
      "minSizeRatio",
    ].flatMap((rule) => refused({ [rule]: -1 }, new RegExp(`^retention\\.${rule}: `))),
  },
  fileMode: { effect: "nextBackup", change: () => "0640", wrong: refused("rw", /^fileMode: must be octal/) },
  triggers: { effect: "newBackup", change: () => ["again"], shows: ["backup", "triggers[1]"] },
  every: {
    effect: "newBackup",
    change: () => "36500d",
    shows: ["backup", "triggers["],
    wrong: refused("often", /^every: must be a duration/),
  },
  checkInPreview: {
    effect: "noBackup",
    change: () => false,
    wrong: refused("false", /^checkInPreview: must be true or false/),
  },
} satisfies Record<string, Argument>;

export const tableBackup = {
  ...ofBackups,
  tables: {
    effect: "newBackup",
    change: () => ["marker", "other"],
    shows: trigger("tables"),
    wrong: [
      ...refused([], /^tables: /),
      { by: "run 2", value: () => ["no_such"], says: /error\[table-not-found\].*"no_such"/ },
    ],
  },
  excludeTables: { effect: "newBackup", change: () => ["nothing_*"], shows: trigger("excludeTables") },
  missingReferences: {
    effect: "newBackup",
    change: () => "include",
    shows: trigger("missingReferences"),
    wrong: refused("maybe", /^missingReferences: /),
  },
} satisfies Record<keyof TableBackupArgs, Argument>;

const databaseBackup = {
  ...ofBackups,
  excludeSchemas: {
    effect: "newBackup",
    change: () => ["nothing"],
    shows: trigger("excludeSchemas"),
    wrong: refused([""], /^excludeSchemas/),
  },
  excludeTableData: {
    effect: "newBackup",
    change: () => ["nothing_*"],
    shows: trigger("excludeTableData"),
    wrong: refused([""], /^excludeTableData/),
  },
  globals: {
    effect: "newBackup",
    change: () => "without-passwords",
    shows: trigger("globals"),
    wrong: refused("all", /^globals: /),
  },
} satisfies Record<keyof DatabaseBackupArgs, Argument>;

const restoreTrigger = (name: string): readonly [string, string] => ["restore", `triggers[0].${name}`];

export const tableRestore = {
  connection: {
    effect: "newRestore",
    nested: { user: "noRestore", dockerHost: "noRestore" },
    change: ({ container }) => ({ container, database: "second" }),
    shows: restoreTrigger("database"),
    wrong: [
      {
        by: "run 1",
        value: ({ container }) => ({ container, database: "nobody" }),
        says: /error\[connection-refused\]/,
      },
    ],
  },
  password: { effect: "noRestore", change: () => "another" },
  location: {
    effect: "newRestore",
    change: ({ location }) => location.replace(/[^/]*$/, "latest"),
    shows: restoreTrigger("location"),
    wrong: [
      ...refused("./backups", /^location: "\.\/backups" is not the location of a backup/),
      {
        by: "run 2",
        value: ({ folder }) => `${folder}/cbm/20200101T000000Z`,
        says: /error\[/,
      },
    ],
  },
  s3: { effect: "noRestore", change: () => ({ region: "eu-central-1" }) },
  tables: {
    effect: "newRestore",
    change: () => ["other"],
    shows: restoreTrigger("tables"),
    wrong: [
      ...refused([], /^tables: /),
      { by: "run 3", value: () => ["no_such"], says: /error\[table-not-found\]/ },
    ],
  },
  excludeTables: {
    effect: "newRestore",
    change: () => ["nothing_*"],
    shows: restoreTrigger("excludeTables"),
  },
  schemas: {
    effect: "newRestore",
    change: () => ({ public: "restored" }),
    shows: restoreTrigger("schemas"),
    wrong: refused({ public: "" }, /^schemas/),
  },
  content: {
    effect: "newRestore",
    change: () => "schema",
    shows: restoreTrigger("content"),
    wrong: refused("some", /^content: /),
  },
  ifExists: { effect: "noRestore", change: () => "swap", wrong: refused("merge", /^ifExists: /) },
  missingRoles: { effect: "noRestore", change: () => "create", wrong: refused("maybe", /^missingRoles: /) },
  tableTriggers: {
    effect: "noRestore",
    change: () => "disable",
    wrong: refused("maybe", /^tableTriggers: /),
  },
  createDatabase: { effect: "noRestore", change: () => true },
  jobs: { effect: "noRestore", change: () => 2, wrong: refused(0, /^jobs: /) },
  splitTablesFrom: { effect: "noRestore", change: () => 0, wrong: refused(-1, /^splitTablesFrom: /) },
  lockTimeout: { effect: "noRestore", change: () => 30, wrong: refused(0, /^lockTimeout: /) },
  triggers: { effect: "newRestore", change: () => ["again"], shows: ["restore", "triggers[1]"] },
} satisfies Record<keyof TableRestoreArgs, Argument>;

const { connection, password, location, s3, ifExists, missingRoles, jobs, triggers } = tableRestore;

const databaseRestore = {
  ...{ connection, password, location, s3, ifExists, missingRoles, jobs, triggers },
  connections: { effect: "noRestore", change: () => "end", wrong: refused("maybe", /^connections: /) },
} satisfies Record<keyof DatabaseRestoreArgs, Argument>;

export const migration = {
  from: {
    effect: "newMigration",
    nested: { user: "noMigration" },
    change: () => ({ container: "pgb-test-no-such-container" }),
    wrong: [
      {
        by: "run 1",
        value: () => ({ container: "pgb-test-no-such-container" }),
        says: /error\[container-not-found\]/,
      },
    ],
  },
  to: {
    effect: "newMigration",
    nested: { user: "portAgain", dockerHost: "noMigration" },
    change: () => ({ container: "pgb-test-no-such-container" }),
    wrong: [
      {
        by: "run 2",
        value: () => ({ container: "pgb-test-no-such-container" }),
        says: /error\[container-not-found\]/,
      },
    ],
  },
  password: { effect: "noMigration", change: () => "another" },
  repository: {
    effect: "noMigration",
    // A server that is migrated already does not look there.
    change: () => "s3://bucket/elsewhere",
    wrong: refused("", /^repository: /),
  },
  s3: { effect: "noMigration", change: () => ({ region: "eu-central-1" }) },
  backupName: { effect: "noMigration", change: () => "other", wrong: refused("../x", /^backupName: /) },
  all: { effect: "noMigration", change: () => true },
  format: { effect: "noMigration", change: () => "plain", wrong: refused("tar", /^format: /) },
  excludeTables: {
    effect: "noMigration",
    change: () => ["nothing_*"],
    wrong: refused([""], /^excludeTables/),
  },
  excludeDatabases: {
    effect: "noMigration",
    change: () => ["nothing"],
    wrong: refused([""], /^excludeDatabases/),
  },
  leaveBehind: {
    effect: "noMigration",
    change: () => ["view public.seen"],
    wrong: refused([""], /^leaveBehind/),
  },
  logicalForeignKeys: {
    effect: "noMigration",
    change: () => ["marker.id -> marker.id"],
    wrong: refused([""], /^logicalForeignKeys/),
  },
  missingRoles: { effect: "noMigration", change: () => "create", wrong: refused("maybe", /^missingRoles: /) },
  jobs: { effect: "noMigration", change: () => 2, wrong: refused(0, /^jobs: /) },
  lockTimeout: { effect: "noMigration", change: () => 30, wrong: refused(0, /^lockTimeout: /) },
  oldServer: { effect: "removal", change: () => "remove" },
  triggers: { effect: "portAgain", change: () => ["again"], shows: ["migrate", "triggers[1]"] },
} satisfies Record<keyof MigrationArgs, Argument>;

export const backupBucket = {
  bucketName: {
    effect: "otherBucket",
    change: ({ bucket }) => `${bucket}-2`,
    wrong: refused("Upper", /^bucketName: must be 3 to 63/),
  },
  existingBucket: {
    effect: "adopted",
    change: ({ bucket }) => ({ name: `${bucket}-3`, partition: "aws-cn" }),
    wrong: [
      ...refused({ name: "Upper" }, /^existingBucket\.name: must be 3 to 63/),
      ...refused({ name: "backups", partition: "mars" }, /^existingBucket\.partition: /),
    ],
  },
  prefix: { effect: "policies", change: () => "cbm/other", wrong: refused("/x", /^prefix: must be names/) },
  kmsKeyArn: {
    effect: "bucket",
    change: () => "arn:aws:kms:eu-central-1:123456789012:key/1234abcd",
    shows: ["encryption", "rules"],
    wrong: refused("alias/x", /^kmsKeyArn: must be the ARN/),
  },
  abortIncompleteUploadsDays: {
    effect: "bucket",
    change: () => 3,
    shows: ["lifecycle", "rules"],
    wrong: refused(0, /^abortIncompleteUploadsDays: /),
  },
  expireNoncurrentDays: {
    effect: "bucket",
    change: () => 30,
    shows: ["lifecycle", "rules"],
    wrong: refused(0.5, /^expireNoncurrentDays: /),
  },
  transition: {
    effect: "bucket",
    change: () => ({ days: 60, storageClass: "GLACIER" }),
    shows: ["lifecycle", "rules"],
    wrong: [
      ...refused({ days: 10 }, /^transition\.days: must be at least 30/),
      ...refused({ days: 60, storageClass: "ICE" }, /^transition\.storageClass: /),
    ],
  },
  objectLock: {
    effect: "bucket",
    change: () => ({ days: 3, mode: "COMPLIANCE" }),
    shows: ["object-lock", "rule"],
    wrong: [
      ...refused({ days: 0 }, /^objectLock\.days: /),
      ...refused({ days: 3, mode: "SOFT" }, /^objectLock\.mode: /),
    ],
  },
  keepBucket: { effect: "bucketProtection", change: () => false },
  tags: { effect: "bucket", change: () => ({ team: "gis" }), shows: ["bucket", "tags"] },
  withoutProtections: {
    effect: "otherBucket",
    change: () => ["encryption"],
    wrong: refused(["everything"], /^withoutProtections/),
  },
} satisfies Record<keyof BackupBucketArgs, Argument>;

const agentJob = { name: "cbm", source: { container: "pg" }, tables: ["marker"], schedule: "@daily" };

export const backupAgent = {
  mode: {
    effect: "agentMode",
    change: () => "swarm",
    wrong: refused("cluster", /^mode: /),
  },
  image: { effect: "agent", change: () => "agent:2", wrong: refused("", /^image: must name an image/) },
  agentName: { effect: "agent", change: () => "other", wrong: refused("-", /^agentName: must be 2 to 63/) },
  jobs: {
    effect: "agent",
    change: () => [{ ...agentJob, schedule: "@hourly" }],
    wrong: [
      ...refused([], /^jobs: must have at least one job/),
      ...refused([{ ...agentJob, schedule: "often" }], /^jobs\.0\.schedule: must be a cron line/),
      ...refused(
        [{ ...agentJob, source: {} }],
        /^jobs\.0\.source: must have one of container, service and label/,
      ),
      ...refused([agentJob, agentJob], /^jobs: must each have a name of their own/),
    ],
  },
  repository: {
    effect: "agent",
    change: ({ folder }) => folder,
    wrong: refused("s3://B", /^repository: "s3:\/\/B" is not a repository in S3/),
  },
  s3: {
    effect: "agent",
    change: () => ({ region: "eu-central-1" }),
    wrong: refused({ timeout: 0 }, /^s3\.timeout: /),
  },
  s3Credentials: { effect: "agent", change: () => ({ accessKeyId: "a", secretAccessKey: "b" }) },
  secrets: {
    effect: "agent",
    change: () => ({ pg: "another" }),
    wrong: refused({ "a/b": "x" }, /^secrets\.a\/b: must be letters/),
  },
  retention: {
    effect: "agent",
    change: () => ({ keepDaily: 7 }),
    wrong: refused({ keepDaily: 0 }, /^retention\.keepDaily: /),
  },
  timeZone: {
    effect: "agent",
    change: () => "Europe/Rome",
    wrong: refused("Europe/Nowhere", /^timeZone: must be a time zone/),
  },
  jitter: { effect: "agent", change: () => "5m", wrong: refused("some", /^jitter: must be a duration/) },
  retry: { effect: "agent", change: () => ({ for: "2h" }), wrong: refused({ for: "long" }, /^retry\.for: /) },
  notify: {
    effect: "agent",
    change: () => ({ webhook: "https://example.com/hook" }),
    wrong: refused({ webhook: "example" }, /^notify\.webhook: must be a URL/),
  },
  smtp: {
    effect: "agent",
    change: () => ({ url: "smtps://mail.example.com", from: "backup@example.com" }),
    wrong: refused({ url: "mail" }, /^smtp\.url: must be a URL/),
  },
  atOnce: { effect: "agent", change: () => 3, wrong: refused(0, /^atOnce: /) },
  port: { effect: "agent", change: ({ freePort }) => freePort, wrong: refused(70000, /^port: /) },
  hostAddress: {
    effect: "agent",
    change: () => "0.0.0.0",
    wrong: refused("localhost", /^hostAddress: must be an IP/),
  },
  network: { effect: "agent", change: ({ network }) => network, wrong: refused("", /^network: /) },
  user: { effect: "agent", change: () => "1000:999", wrong: refused("a b", /^user: must be a user/) },
  dockerSocket: {
    effect: "agent",
    change: () => "/run/user/1000/docker.sock",
    wrong: refused("docker.sock", /^dockerSocket: must be an absolute path/),
  },
  environment: {
    effect: "agent",
    change: () => ({ TZ: "UTC" }),
    wrong: refused({ TZ: 1 }, /^environment\.TZ: /),
  },
  labels: {
    effect: "agent",
    change: () => ({ team: "gis" }),
    wrong: refused({ team: 1 }, /^labels\.team: /),
  },
  constraints: {
    effect: "agentNodes",
    change: () => ["node.role == worker"],
    wrong: refused(["node.role == worker"], /^constraints: has a meaning in mode "swarm" only/),
  },
  startTimeout: { effect: "nothing", change: () => 601, wrong: refused(0, /^startTimeout: /) },
  dockerHost: {
    effect: "nothing",
    change: ({ dockerHost }) => dockerHost,
    wrong: refused("", /^dockerHost: /),
  },
} satisfies Record<keyof BackupAgentArgs, Argument>;

export const components = {
  PostgisContainer: postgisContainer,
  TableBackup: tableBackup,
  TableRestore: tableRestore,
  DatabaseBackup: databaseBackup,
  DatabaseRestore: databaseRestore,
  Migration: migration,
  BackupBucket: backupBucket,
  BackupAgent: backupAgent,
} as const;
