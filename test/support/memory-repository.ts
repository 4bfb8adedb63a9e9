/** A repository in the memory of this process: the least that a driver has to be. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { backupTime } from "../../runner/repository/backup-id";
import { onceOnly, readWhole, damaged } from "../../runner/repository/checksums";
import type { BackupFiles, StoredFile } from "../../runner/repository/files";
import { findInconsistency } from "../../runner/repository/inconsistency";
import { keepFile, manifestFile, sumsFile, verificationFile } from "../../runner/repository/layout";
import { parseManifest } from "../../runner/repository/manifest";
import { readVerifications, type Verification, verificationText } from "../../runner/repository/verification";
import { newestOf } from "../../runner/repository/newest";
import { failUnlessPlain } from "../../runner/repository/plain-paths";
import {
  alreadyExists,
  type BackupWriter,
  type NewBackup,
  type Removal,
  type Repository,
  type StoredBackup,
} from "../../runner/repository/repository";
import { totalBytes } from "../../runner/lib/format";

type Files = Map<string, Buffer>;
type Backups = Map<string, Files>;

export class MemoryRepository implements Repository {
  readonly location = "memory:";
  readonly #published = new Map<string, Backups>();
  readonly #written = new Map<string, { readonly key: string | undefined; readonly files: Files }>();

  /** All that is stored, complete or not. */
  entries(): string[] {
    const below = (place: string, files: Files) => [...files.keys()].map((file) => `${place}/${file}`);
    const complete = [...this.#published].flatMap(([name, backups]) =>
      [...backups].flatMap(([id, files]) => below(`${name}/${id}`, files)),
    );
    return [...complete, ...[...this.#written].flatMap(([place, { files }]) => below(place, files))].sort();
  }

  names = () => Promise.resolve([...this.#published.keys()].sort());

  async backups(name: string): Promise<StoredBackup[]> {
    const read = [...this.#backupsOf(name)].map(([id, files]) => this.#read(name, id, files));
    const found = (await Promise.all(read)).sort((one, other) => (one.id < other.id ? -1 : 1));
    const latest = newestOf(found);
    return found.map((backup) => ({ ...backup, latest: backup === latest }));
  }

  async #read(name: string, id: string, files: Files): Promise<StoredBackup> {
    const sizes = [...files].map(([path, content]) => ({ path, bytes: content.length }));
    const startedAt = backupTime(id);
    assert.ok(startedAt);
    const location = `${this.location}${name}/${id}`;
    const listed = { id, name, location, startedAt, latest: false };
    const verifications = await readVerifications(this.files(name, id), sizes);
    const stored = { ...listed, bytes: totalBytes(sizes), kept: files.has(keepFile), verifications };
    const { manifest, problem } = parseManifest(String(files.get(manifestFile)));
    if (problem !== undefined) return { ...stored, problem };
    const wrong = findInconsistency(manifest, id, name, sizes);
    return wrong === undefined ? { ...stored, manifest } : { ...stored, manifest, problem: wrong };
  }

  files(name: string, id: string): BackupFiles {
    return this.#filesIn(`${this.location}${name}/${id}`, () => this.#backupsOf(name).get(id));
  }

  #filesIn(location: string, files: () => Files | undefined): BackupFiles {
    const read = async function* (file: string) {
      const content = files()?.get(file);
      if (content === undefined) throw damaged(location, `${file} is missing`);
      yield* onceOnly(content);
    };
    return { location, folder: undefined, read };
  }

  isTaken = (name: string, id: string) => Promise.resolve(this.#backupsOf(name).has(id));
  folder = () => undefined;
  check = () => Promise.resolve();
  checkSpace = () => Promise.resolve();

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is to be awaited
  async create({ name, id, key }: NewBackup): Promise<BackupWriter> {
    const place = `${name}/.${id}`;
    for (const [dead, writer] of this.#written)
      if (key !== undefined && writer.key === key) this.#written.delete(dead);
    if (this.#backupsOf(name).has(id) || this.#written.has(place))
      throw alreadyExists(this.files(name, id).location);
    const files: Files = new Map();
    const checksums = new Map<string, StoredFile>();
    this.#written.set(place, { key, files });
    return {
      files: this.#filesIn(place, () => files),
      write: async (file, content, recorded) => {
        failUnlessPlain(file);
        if (files.has(file)) throw new Error(`${file} was written already`);
        const whole = await readWhole(content);
        files.set(file, whole);
        const sha256 = createHash("sha256").update(whole).digest("hex");
        checksums.set(file, recorded ?? { path: file, bytes: whole.length, sha256 });
      },
      bytes: () => Promise.resolve([...files.values()].reduce((sum, { length }) => sum + length, 0)),
      checksums: () =>
        Promise.resolve([...checksums.values()].sort((one, other) => (one.path < other.path ? -1 : 1))),
      publish: async ({ source, sums }, signal) => {
        signal.throwIfAborted();
        files.set(sumsFile, Buffer.from(sums)).set(manifestFile, Buffer.from(source));
        this.#written.delete(place);
        this.#published.set(name, this.#backupsOf(name).set(id, files));
        return Promise.resolve({ location: this.files(name, id).location, versionIds: {}, notes: [] });
      },
      abandon: (error) => {
        this.#written.delete(place);
        return Promise.resolve(error);
      },
    };
  }

  mark(name: string, id: string, kept: boolean): Promise<void> {
    const files = this.#backupsOf(name).get(id);
    if (kept) files?.set(keepFile, Buffer.of());
    else files?.delete(keepFile);
    return Promise.resolve();
  }

  record(name: string, id: string, verification: Verification): Promise<void> {
    const file = verificationFile(verification.level);
    this.#backupsOf(name)
      .get(id)
      ?.set(file, Buffer.from(verificationText(verification)));
    return Promise.resolve();
  }

  remove(name: string, id: string): Promise<Removal> {
    const backups = this.#backupsOf(name);
    if (backups.get(id)?.has(keepFile) === true)
      return Promise.resolve({ id, left: `it is marked "${keepFile}"` });
    const bytes = [...(backups.get(id)?.values() ?? [])].reduce((sum, { length }) => sum + length, 0);
    backups.delete(id);
    return Promise.resolve({ id, bytes });
  }

  finishRemovals = () => Promise.resolve([]);

  #backupsOf(name: string): Backups {
    return this.#published.get(name) ?? new Map<string, Files>();
  }
}
