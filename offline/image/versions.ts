/** The contents of each version. Each Debian release has one PostgreSQL and one PostGIS. */
const releases = {
  "17-3.5": { suite: "trixie", postgres: "17" },
  "15-3.3": { suite: "bookworm", postgres: "15" },
  "13-3.1": { suite: "bullseye", postgres: "13" },
} as const;

export type ImageVersion = keyof typeof releases;

export interface Release {
  readonly suite: string;
  readonly postgres: string;
}

export const imageVersions = Object.keys(releases) as ImageVersion[];

export function isImageVersion(text: string): text is ImageVersion {
  return Object.hasOwn(releases, text);
}

export function releaseOf(version: ImageVersion): Release {
  return releases[version];
}

export function imageTag(version: ImageVersion): string {
  return `postgis-backup-offline/postgis:${version}`;
}
