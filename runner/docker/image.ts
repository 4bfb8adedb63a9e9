import * as z from "zod";
import { Failure } from "../lib/failure";
import { type Docker, dockerFailure, spawnDocker } from "./docker";

const ImageInspection = z.object({
  Id: z.string(),
  Config: z.object({ Entrypoint: z.array(z.string()).nullish(), Env: z.array(z.string()).nullish() }),
});

type ImageInspection = z.infer<typeof ImageInspection>;

/** The image for a container that will be started. */
export interface WantedImage {
  readonly image: string;
  /** The user named it, so it may be pulled. An image that only a manifest names must be on the daemon already. */
  readonly asked: boolean;
}

interface FoundImage {
  readonly id: string;
  /** The program that the image starts; the image's command is its arguments. */
  readonly entrypoint: readonly string[];
}

export async function findImage(docker: Docker, { image, asked }: WantedImage): Promise<FoundImage> {
  if (!/^[A-Za-z0-9]/.test(image)) throw notHere(image);
  const found = await inspectImage(docker, image);
  if (found === undefined && !asked) throw notHere(image);
  const remedy = "Name another one that has the same version of PostgreSQL and PostGIS with --image.";
  const { Id, Config } = found ?? (await pullImage(docker, image, remedy, undefined));
  return { id: Id, entrypoint: Config.Entrypoint ?? [] };
}

function notHere(image: string): Failure {
  return new Failure(
    "image-missing",
    `The backup was taken with the image ${image}, says its manifest, and this Docker daemon has no such image. Because whoever ` +
      "wrote a manifest can name any image, it is not pulled. If you know it, name it with --image, and it is; or name one of " +
      "yours that has the same version of PostgreSQL and PostGIS.",
  );
}

/** Inspects an image, and pulls it first if need be. If that fails, the message ends with the remedy. */
export async function availableImage(
  docker: Docker,
  image: string,
  remedy: string,
  signal?: AbortSignal,
): Promise<ImageInspection> {
  return (await inspectImage(docker, image)) ?? (await pullImage(docker, image, remedy, signal));
}

/** Undefined if the daemon does not have the image. */
async function inspectImage(docker: Docker, image: string): Promise<ImageInspection | undefined> {
  const inspect = ["image", "inspect", "--format", "{{json .}}", image];
  const { failed, stdout, stderr } = await spawnDocker(docker, inspect, { reject: false });
  if (!failed) return ImageInspection.parse(JSON.parse(stdout));
  if (/no such image/i.test(stderr)) return undefined;
  throw new Failure("docker-failed", stderr);
}

async function pullImage(
  docker: Docker,
  image: string,
  remedy: string,
  signal: AbortSignal | undefined,
): Promise<ImageInspection> {
  try {
    await spawnDocker(
      docker,
      ["pull", "--quiet", image],
      signal === undefined ? {} : { cancelSignal: signal },
    );
  } catch (error) {
    signal?.throwIfAborted();
    const failure = dockerFailure(error);
    if (!(failure instanceof Failure) || failure.code !== "docker-failed") throw failure;
    throw new Failure(
      "docker-failed",
      `The image ${image} is not on this Docker daemon, and cannot be pulled: ${failure.message}\n${remedy}`,
    );
  }
  const pulled = await inspectImage(docker, image);
  if (pulled !== undefined) return pulled;
  throw new Failure(
    "docker-failed",
    `The image ${image} is gone from this Docker daemon, right after it was pulled.`,
  );
}
