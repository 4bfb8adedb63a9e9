/** A tar of a backup that is too large to lie around. */
import { createHash, randomBytes } from "node:crypto";
import type { Writable } from "node:stream";
import { onceOnly } from "../../runner/repository/checksums";
import { writeTar } from "../../runner/lib/tar";
import { sampleManifest } from "./sample-backups";
import { manifestFile, sumsFile } from "../../runner/repository/layout";

interface LargeTar {
  /** Of the one large file, archive.dump. */
  readonly sha256: string;
  writeTo(destination: Writable): Promise<void>;
}

/** As `export` writes it. */
export function largeTar(id: string, bytes: number): LargeTar {
  const block = randomBytes(1_000_000);
  // eslint-disable-next-line @typescript-eslint/require-await -- as from a file
  const content = async function* () {
    for (let at = 0; at < bytes; at += block.length) {
      // No two parts are the same.
      block.writeDoubleLE(at);
      yield Buffer.from(block.subarray(0, bytes - at));
    }
  };
  const hash = createHash("sha256");
  for (let at = 0; at < bytes; at += block.length) {
    block.writeDoubleLE(at);
    hash.update(block.subarray(0, bytes - at));
  }
  const file = { path: "archive.dump", bytes, sha256: hash.digest("hex") };
  const source = Buffer.from(JSON.stringify({ ...sampleManifest(id), format: "custom", files: [file] }));
  const sealed = createHash("sha256").update(source).digest("hex");
  const sums = Buffer.from(`${file.sha256}  ${file.path}\n${sealed}  ${manifestFile}\n`);
  const entries = [
    { path: `cbm/${id}/${manifestFile}`, bytes: source.length, content: onceOnly(source) },
    { path: `cbm/${id}/${sumsFile}`, bytes: sums.length, content: onceOnly(sums) },
    { path: `cbm/${id}/${file.path}`, bytes, content: content() },
  ];
  return {
    sha256: file.sha256,
    writeTo: (destination) => writeTar(entries, new Date(0), destination, new AbortController().signal),
  };
}
