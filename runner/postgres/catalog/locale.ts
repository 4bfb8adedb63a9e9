/** What the text of a database depends on, as its manifest records it. */
export interface SourceLocale {
  readonly encoding: string;
  readonly lcCollate: string;
  readonly lcCtype: string;
  readonly localeProvider?: string | undefined;
  readonly locale?: string | undefined;
  readonly icuRules?: string | undefined;
}

/** Options of createdb for a database that sorts and encodes text alike. */
export function databaseOptions(source: SourceLocale): string[] {
  const { encoding, lcCollate, lcCtype, localeProvider, locale, icuRules } = source;
  const text = ["--encoding", encoding, "--lc-collate", lcCollate, "--lc-ctype", lcCtype];
  const base = ["--template", "template0", ...text];
  if (localeProvider === undefined || localeProvider === "libc" || locale === undefined) return base;
  const rules = icuRules === undefined ? [] : ["--icu-rules", icuRules];
  return [...base, "--locale-provider", localeProvider, `--${localeProvider}-locale`, locale, ...rules];
}

/** Databases like those that most servers make; others have to be made alike, or rows and indexes may not fit them. */
export const isUsual = ({ encoding, localeProvider = "libc" }: SourceLocale) =>
  encoding === "UTF8" && localeProvider === "libc";
