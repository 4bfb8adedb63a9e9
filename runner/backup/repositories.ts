/** The repositories of a run: where its backup is written, where it is published, and where else it is copied to. */
import path from "node:path";
import { quote } from "shell-quote";
import { type Inspection, pathInContainer } from "../docker/container";
import { Attempts, Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { claimId } from "../repository/backup-id";
import { type BackupRecord, recordOf } from "../repository/checksums";
import type { BackupFiles } from "../repository/files";
import { manifestFile } from "../repository/layout";
import type { Manifest } from "../repository/manifest";
import { greaterThan } from "../repository/newest";
import { openRepository } from "../repository/open";
import { type BackupWriter, isGood, type Repository } from "../repository/repository";
import type { ArchiveFormat, BackupPlace, BackupRequest } from "../request";
import { isS3Url } from "../request/location";
import { summarizeVersionIds } from "../request/result";
import { copyBackup } from "../transfer";
import { s3Options, s3UploadOptions } from "./restore-guide";
import { setting } from "../lib/setting";

/** A backup that is being written, under an id that is free in all repositories of the run. */
export interface BegunBackup extends BackupWriter {
  readonly id: string;
  readonly startedAt: Date;
  /** Ids of earlier backups that are greater than its own. */
  readonly newerThan: readonly string[];
  /** Where it will be. */
  readonly location: string;
}

interface Ending {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export class Repositories {
  readonly #published: Repository;
  /** Where the backup is written; the one that it is published in, unless the request names a work directory. */
  readonly #work: Repository;
  readonly #copies: readonly Repository[];
  #earlierIds: readonly string[] = [];
  #earlier: readonly Manifest[] = [];

  constructor(
    private readonly request: BackupRequest,
    signal: AbortSignal,
  ) {
    const open = (repository: string) => openRepository({ repository, s3: request.s3 }, signal);
    this.#published = open(request.repository);
    this.#work = request.workDirectory === undefined ? this.#published : open(request.workDirectory);
    this.#copies = request.copies.map(open);
  }

  /** Those that backups stay in. */
  get kept(): readonly Repository[] {
    return [this.#published, ...this.#copies];
  }

  get #all(): readonly Repository[] {
    return [...new Set([...this.kept, this.#work])];
  }

  get #folder(): string | undefined {
    return this.#work.folder(this.request.name);
  }

  /** Fails where no backup can be written; gives the manifest of the newest good one, if there is one. */
  async survey(): Promise<Manifest | undefined> {
    const { name } = this.request;
    const attempts = new Attempts();
    const found = [];
    for (const repository of this.#all) {
      const backups = await attempts.run(async () => {
        await repository.check(name);
        return repository.backups(name);
      });
      found.push(backups ?? []);
      if (repository === this.#work)
        this.#earlier = (backups ?? []).filter(isGood).map(({ manifest }) => manifest);
    }
    attempts.end();
    this.#earlierIds = [...new Set(found.flat().map(({ id }) => id))];
    return found.map((backups) => backups.findLast(isGood)?.manifest).find((one) => one !== undefined);
  }

  /** Good backups that the new one is written beside, oldest first. */
  get earlier(): readonly Manifest[] {
    return this.#earlier;
  }

  /** The files of one of these. */
  earlierFiles({ id }: Manifest): BackupFiles {
    return this.#work.files(this.request.name, id);
  }

  /** The format that was asked for, or the best that this container can write. Fails where it cannot write what was asked for. */
  chooseFormat(container: Inspection, progress: Progress): ArchiveFormat {
    const { format } = this.request;
    const folder = this.#folder;
    if (folder === undefined) return format ?? "custom";
    const mounted = pathInContainer(container, folder) !== undefined;
    if (format === "directory" && !mounted) throw notMounted(this.request, folder);
    if (format === undefined && !mounted) {
      progress.note(
        `Container "${this.request.container}" has no writable mount of ${folder}, so the archive is streamed out in the custom format. ` +
          "With a mount, several workers would write the directory format.",
      );
    }
    return format ?? (mounted ? "directory" : "custom");
  }

  /** Fails where there is less room than a backup is expected to take. */
  checkSpace(bytes: number): Promise<void> {
    return this.#work.checkSpace(this.request.name, bytes);
  }

  begin(key: string, mostBytes: number): Promise<BegunBackup> {
    const { name, fileMode: mode } = this.request;
    const fileMode = Number.parseInt(mode, 8);
    return claimId(async (id, startedAt) => {
      for (const repository of this.#all) if (await repository.isTaken(name, id)) return undefined;
      const writer = await this.#work
        .create({ name, id, mostBytes, fileMode, key })
        .catch((error: unknown) => {
          if (error instanceof Failure && error.code === "backup-exists") return undefined;
          throw error;
        });
      if (writer === undefined) return undefined;
      const { location } = this.#published.files(name, id);
      return { ...writer, id, startedAt, newerThan: greaterThan(id, this.#earlierIds), location };
    });
  }

  /** Publishes a backup that is written and verified, and copies it. */
  async publish(writer: BegunBackup, manifest: Manifest, ending: Ending): Promise<Published> {
    const record = recordOf(manifest);
    if (this.#work === this.#published) {
      const { location, versionIds, notes } = await writer.publish(record, ending.signal);
      for (const note of notes) ending.progress.note(`warning: ${note}`);
      const files = this.#published.files(manifest.name, manifest.id);
      const copies = await this.#copyAll(files, record, location, ending);
      return { ...placeOf(location, versionIds, copies.length), copies };
    }
    const { location, versionIds } = await this.#copy(writer.files, record, this.#published, ending);
    try {
      const copies = await this.#copyAll(writer.files, record, location, ending);
      return { ...placeOf(location, versionIds, copies.length), copies };
    } finally {
      // The next run removes what could not be removed.
      await writer.abandon(undefined);
    }
  }

  /** All that can be made are made, whatever becomes of the others; the backup stays where it is published. */
  async #copyAll(
    files: BackupFiles,
    record: BackupRecord,
    location: string,
    ending: Ending,
  ): Promise<BackupPlace[]> {
    const attempts = new Attempts();
    const places: BackupPlace[] = [];
    for (const to of this.#copies) {
      const copy = async () => {
        try {
          const copied = await this.#copy(files, record, to, ending);
          places.push(placeOf(copied.location, copied.versionIds, this.#copies.length));
        } catch (error) {
          if (!ending.signal.aborted) throw this.#notCopied(error, location, to);
          ending.progress.note(
            `The backup is complete in ${location}, but was not copied to ${to.location}.`,
          );
          throw error;
        }
      };
      await attempts.run(copy);
      ending.signal.throwIfAborted();
    }
    attempts.end();
    return places;
  }

  #copy(files: BackupFiles, record: BackupRecord, to: Repository, { progress, signal }: Ending) {
    return copyBackup(files, record, to, Number.parseInt(this.request.fileMode, 8), progress, signal);
  }

  #notCopied(reason: unknown, location: string, to: Repository): Failure {
    const { name, s3 } = this.request;
    const command = (verb: string, what: string, at: string, ...rest: string[]) =>
      quote([
        "postgis-backup",
        verb,
        what,
        "--repository",
        at,
        ...rest,
        ...(isS3Url(at) ? s3Options(s3) : []),
      ]);
    const send = command("export", path.posix.basename(location), this.#published.location, "--name", name);
    const receive = command("import", "-", to.location, ...(isS3Url(to.location) ? s3UploadOptions(s3) : []));
    const why = reason instanceof Error ? reason.message : String(reason);
    return new Failure(
      "upload-failed",
      `The backup is complete in ${location}, but did not get to ${to.location}: ${why} Send it there later: ${send} | ${receive}`,
    );
  }
}

export type Published = BackupPlace & { readonly copies: BackupPlace[] };

/** A result has room for the versions of one place; so each of several gets a part of it. */
function placeOf(
  location: string,
  versionIds: Readonly<Record<string, string>>,
  copies: number,
): BackupPlace {
  const place = { location, manifest: `${location}/${manifestFile}` };
  return Object.keys(versionIds).length === 0
    ? place
    : { ...place, versionIds: summarizeVersionIds(versionIds, manifestFile, 1 + copies) };
}

export function notMounted({ container }: BackupRequest, folder: string): Failure {
  return new Failure(
    "folder-not-mounted",
    `Container "${container}" has no writable mount of ${folder}, and pg_dump writes the directory format inside the container. ` +
      `Mount that folder into it, or choose ${setting("--format custom", 'format: "custom"')}, which is streamed out.`,
  );
}
