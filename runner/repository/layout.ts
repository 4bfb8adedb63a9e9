export const prepareFile = "prepare.sql";

/** Creates objects that refer to the tables: run after the archive's pre-data, before its data. Not every backup has it. */
export const afterTablesFile = "after-tables.sql";

/** Gives a restored database its owner, its settings and the like: run after everything else. Only in backups of a whole database. */
export const databaseFile = "database.sql";

/** The roles of the server: run before everything else. Only in backups of a whole database that were asked for it. */
export const globalsFile = "globals.sql";

/** All objects of a whole database, to compare a restored one with. */
export const objectsFile = "objects.json";

export const manifestFile = "manifest.json";

/** Versions before 0.2 wrote into this file which run owns a folder. */
export const runFile = ".run";

export const sumsFile = "SHA256SUMS";

/** Not listed in the manifest, so that marking a backup changes no checksum. */
export const keepFile = "keep";

/** The levels at which a backup is verified later; each includes the one before it. */
export const verificationLevels = ["archive", "restore"] as const;
export type VerificationLevel = (typeof verificationLevels)[number];

/** Not listed in the manifest either: what the last verification of this level found. */
export const verificationFile = (level: VerificationLevel): string => `verification-${level}.json`;

export const verificationFiles = verificationLevels.map(verificationFile);
