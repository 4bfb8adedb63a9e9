import { z } from "zod";
import { Failure } from "../failure";
import { type Docker, dockerFailure, dockerOutput, spawnDocker } from "./docker";

const ImageInspection = z.object({
  Id: z.string(),
  Config: z.object({ Entrypoint: z.array(z.string()).nullish() }),
});

/** The command that an image starts with, which is given the image's own command as arguments; pulls it if need be. */
export async function imageEntrypoint(docker: Docker, image: string): Promise<string[]> {
  if (!(await isPresent(docker, image))) await pull(docker, image);
  const text = await dockerOutput(docker, ["image", "inspect", "--format", "{{json .}}", image]);
  return ImageInspection.parse(JSON.parse(text)).Config.Entrypoint ?? [];
}

async function isPresent(docker: Docker, image: string): Promise<boolean> {
  const { failed, stderr } = await spawnDocker(docker, ["image", "inspect", "--format", "{{.Id}}", image], {
    reject: false,
  });
  if (failed && !/no such image/i.test(stderr)) throw new Failure("docker-failed", stderr);
  return !failed;
}

async function pull(docker: Docker, image: string): Promise<void> {
  try {
    await spawnDocker(docker, ["pull", "--quiet", image], {});
  } catch (error) {
    const failure = dockerFailure(error);
    if (!(failure instanceof Failure) || failure.code !== "docker-failed") throw failure;
    throw new Failure(
      "docker-failed",
      `The image ${image} is not on this Docker daemon, and cannot be pulled: ${failure.message} ` +
        `Name another one that has the same version of PostgreSQL and PostGIS with --image.`,
    );
  }
}
