export const prepareFile = "prepare.sql";

/** Of what refers to the tables: run after the archive's pre-data, before its data. Not every backup has it. */
export const afterTablesFile = "after-tables.sql";

export const manifestFile = "manifest.json";

/** In which versions before 0.2 wrote whose a folder is. */
export const runFile = ".run";

export const sumsFile = "SHA256SUMS";

/** Beside the manifest and in no list of files, so that a mark changes nothing that is sealed. */
export const keepFile = "keep";
