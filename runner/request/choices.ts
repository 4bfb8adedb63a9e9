/**
 * The settings that are a choice of a few words. Requests, the command line, manifests and the arguments of components all
 * take them from here.
 */

/** Archive formats of `pg_dump`: https://www.postgresql.org/docs/current/app-pgdump.html */
export const ArchiveFormat = {
  /** A folder with one file for each table; the only format that is written and restored in parallel. */
  Directory: "directory",
  /** One file for `pg_restore`. */
  Custom: "custom",
  /** SQL for `psql`. */
  Plain: "plain",
} as const;
export type ArchiveFormat = (typeof ArchiveFormat)[keyof typeof ArchiveFormat];

/** What a backup does about a foreign key to a table that is not selected. */
export const MissingReferences = {
  /** Fail, and name it. */
  Fail: "fail",
  /** Back that table up too. */
  Include: "include",
  /** Back up without it. Restores leave the foreign key out. */
  Ignore: "ignore",
} as const;
export type MissingReferences = (typeof MissingReferences)[keyof typeof MissingReferences];

/** Content that belongs to tables, but that no dump of tables holds. */
export const NotCarried = {
  /** Large objects that a column of type `oid` or `lo` refers to. */
  LargeObjects: "large-objects",
  /** Files outside the database that hold the bands of rasters. */
  RasterFiles: "raster-files",
  /** The description of topologies, which belongs to the extension postgis_topology. */
  Topologies: "topologies",
  /** Rows in tables of other extensions. */
  ExtensionRows: "extension-rows",
} as const;
export type NotCarried = (typeof NotCarried)[keyof typeof NotCarried];

/** How much is done to prove that an archive can be restored. */
export const VerifyLevel = {
  /** Nothing. */
  None: "none",
  /** The archive is read back to its end, and its checksums are compared. */
  Archive: "archive",
  /** A restore test: the archive is restored into a throwaway server, and compared. */
  Restore: "restore",
} as const;
export type VerifyLevel = (typeof VerifyLevel)[keyof typeof VerifyLevel];

/** What a restore does about sessions in a database that it puts another in the place of. */
export const Connections = {
  /** Fail, and name them. */
  Fail: "fail",
  /** End them, once the restored database is complete. */
  End: "end",
} as const;
export type Connections = (typeof Connections)[keyof typeof Connections];

/** What a restore does when one of its tables exists already. */
export const IfExists = {
  /** Fail, and name it. */
  Fail: "fail",
  /** Drop the old table once the restored one is complete and compared. */
  Replace: "replace",
  /** Like `replace`, but move the old table into another schema. */
  Swap: "swap",
  /** Do nothing if all of the tables exist. */
  Skip: "skip",
} as const;
export type IfExists = (typeof IfExists)[keyof typeof IfExists];

/** What of the tables a restore brings back. */
export const RestoreContent = {
  /** Tables and rows. */
  All: "all",
  /** Rows, into tables that exist. */
  Data: "data",
  /** Tables without rows. */
  Schema: "schema",
} as const;
export type RestoreContent = (typeof RestoreContent)[keyof typeof RestoreContent];

/** What a restore does about owners and grantees that the server lacks. */
export const MissingRoles = {
  /** Fail, and name them. */
  Fail: "fail",
  /** Create them; they cannot log in. */
  Create: "create",
  /** Make all roles of the source that the server lacks, as they were, from a backup of a whole database that has its `globals`. */
  Restore: "restore",
} as const;
export type MissingRoles = (typeof MissingRoles)[keyof typeof MissingRoles];

/** What a backup of a whole database has of the roles of its server. */
export const Globals = {
  /** Their attributes, memberships, settings and comments; roles that are restored from it have no password. */
  WithoutPasswords: "without-passwords",
  /** The hashes of their passwords too. */
  WithPasswords: "with-passwords",
} as const;
export type Globals = (typeof Globals)[keyof typeof Globals];

/** What triggers of tables do when rows are restored into them. */
export const TableTriggers = {
  /** Fire for each row, as they do when `pg_restore` restores rows. A restore whose rows they change fails. */
  Fire: "fire",
  /** Are off until the rows are there. */
  Disable: "disable",
} as const;
export type TableTriggers = (typeof TableTriggers)[keyof typeof TableTriggers];

/** By what an S3 server compares the content of each request with what was sent. */
export const S3Checksum = {
  /** SHA-256, kept with the object. */
  Sha256: "sha256",
  /** CRC-32, kept with the object. */
  Crc32: "crc32",
  /** `Content-MD5`, which every S3 server knows, and which is not kept. */
  Md5: "md5",
} as const;
export type S3Checksum = (typeof S3Checksum)[keyof typeof S3Checksum];
