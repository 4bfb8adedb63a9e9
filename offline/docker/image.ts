import type Docker from "dockerode";
import { daemonMessage, isMissing } from "./client";

/** Adds the tag `latest` if there is none, because the daemon would then pull every tag. */
export function withTag(image: string): string {
  const named = /:[^/]+$/.test(image) || image.includes("@");
  return named ? image : `${image}:latest`;
}

async function isLocal(docker: Docker, image: string): Promise<boolean> {
  try {
    await docker.getImage(image).inspect();
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function pull(docker: Docker, image: string): Promise<void> {
  const stream = await docker.pull(withTag(image));
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Pulls an image if the daemon does not have it. */
export async function ensureImage(docker: Docker, image: string): Promise<void> {
  try {
    if (!(await isLocal(docker, image))) await pull(docker, image);
  } catch (error) {
    throw new Error(
      `Unable to create container with image ${image}: unable to pull image ${image}: ${daemonMessage(error)}`,
      { cause: error },
    );
  }
}
