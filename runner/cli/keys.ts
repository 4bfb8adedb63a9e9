/** What an option is called in requests and the project's file, on the command line and in the environment; and where its value is from. */

/** Options that set a property of the request with another name. */
const keys: Readonly<Record<string, string>> = {
  table: "tables",
  excludeTable: "excludeTables",
  excludeSchema: "excludeSchemas",
  excludeDatabase: "excludeDatabases",
  schema: "schemas",
  copy: "copies",
  logicalForeignKey: "logicalForeignKeys",
  s3Endpoint: "s3.endpoint",
  s3Region: "s3.region",
  s3PathStyle: "s3.forcePathStyle",
  s3Timeout: "s3.timeout",
  s3ConditionalWrites: "s3.conditionalWrites",
  s3Checksum: "s3.checksum",
  s3MaxParts: "s3.maxParts",
  uploadLimit: "s3.uploadLimit",
  keepLast: "retention.keepLast",
  keepDaily: "retention.keepDaily",
  keepWeekly: "retention.keepWeekly",
  keepMonthly: "retention.keepMonthly",
  keepYearly: "retention.keepYearly",
  keepWithin: "retention.keepWithin",
  minSizeRatio: "retention.minSizeRatio",
};
const options = new Map(Object.entries(keys).map(([option, key]) => [key, option]));

/** The path of the property that an option, by commander's name for it, sets. */
export const keyOf = (option: string): string => keys[option] ?? option;

/** The option that sets a property, or what the property is nested in. */
export function optionOfKey([property = "", inner = ""]: readonly string[]): string {
  return options.get(`${property}.${inner}`) ?? options.get(property) ?? property;
}

const separated = (option: string, separator: string) =>
  option.replaceAll(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`);

/** As it is written on the command line: `--s3-endpoint`. */
export const flagOf = (option: string): string => `--${separated(option, "-")}`;

/** The environment variable that sets it: `POSTGIS_BACKUP_S3_ENDPOINT`. */
export const variableOf = (option: string): string =>
  `${variablePrefix}${separated(option, "_").toUpperCase()}`;

export const variablePrefix = "POSTGIS_BACKUP_";

export type Options = Readonly<Record<string | symbol, unknown>>;

export interface Origin {
  readonly from: "environment" | "file";
  /** For messages: the variable, or the key and its file. */
  readonly name: string;
}

/** Under it, options have the origins of values that the command line does not give. */
export const origins = Symbol("origins");

export function originOf(options: Options, option: string): Origin | undefined {
  return (options[origins] as ReadonlyMap<string, Origin> | undefined)?.get(option);
}
