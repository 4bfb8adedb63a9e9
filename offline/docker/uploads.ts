import { readFile } from "node:fs/promises";
import type Docker from "dockerode";
import { attempt } from "./client";
import type { Upload } from "./container-inputs";
import { tarOf } from "./tar";

const given = (text: string | undefined): text is string => text !== undefined && text !== "";

async function contentOf({ content, contentBase64, source }: Upload): Promise<Buffer> {
  const set = [content, contentBase64, source].filter(given).length;
  if (set === 0) {
    throw new Error("error with upload content: one of 'content', 'content_base64', or 'source' must be set");
  }
  if (set > 1) {
    throw new Error(
      "error with upload content: only one of 'content', 'content_base64', or 'source' can be set",
    );
  }
  if (given(content)) return Buffer.from(content);
  if (given(contentBase64)) return Buffer.from(contentBase64, "base64");
  return attempt("could not read file", readFile(source ?? ""));
}

export function modeOf({ permissions, executable }: Pick<Upload, "permissions" | "executable">): number {
  if (given(permissions)) return Number.parseInt(permissions, 8);
  return executable ? 0o744 : 0o644;
}

/** Copies files into a container that is created but not started. */
export async function upload(container: Docker.Container, uploads: Upload[]): Promise<void> {
  for (const item of uploads) {
    const archive = tarOf(item.file, modeOf(item), await contentOf(item), Math.floor(Date.now() / 1000));
    await attempt("Unable to upload volume content", container.putArchive(archive, { path: "/" }));
  }
}
