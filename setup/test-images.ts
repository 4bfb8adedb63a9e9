/** Images for the tests only: older versions, and images whose servers are initialised already. */
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { buildImage } from "../offline/image/build";
import { imageVersions, type ImageVersion } from "../offline/image/versions";
import { ownLabel } from "../test/support/resources";
import { cache } from "./paths";
import { step } from "./step";

/** Superuser's password in the prepared images. */
export const preparedPassword = "test";

const recipeLabel = "postgis-backup.test.recipe";
/** In no volume: Docker would copy all files of a volume for each container, also for those that start no server. */
const dataFolder = "/var/lib/postgresql/prepared";

/** All of them, so that no test has to wait for one. */
export async function ensureTestImages(defaultImage: string): Promise<void> {
  await step("Preparing the images for the tests, about 3 minutes the first time", () =>
    Promise.all(
      imageVersions.map(async (version) => preparedImage(await imageOfVersion(version, defaultImage))),
    ),
  );
}

/** The official image where the default is official too, else one built from Debian packages. Quick when it is there. */
export async function imageOfVersion(version: ImageVersion, defaultImage: string): Promise<string> {
  if (defaultImage.startsWith("postgis-backup-offline/"))
    return buildImage({ version, cacheDir: path.join(cache, "image"), log: () => undefined });
  const official = `postgis/postgis:${version}`;
  if ((await inspect(official, "{{.Id}}")) === undefined)
    await execa("docker", ["pull", "--quiet", official]);
  return official;
}

/** Nothing in a test survives a power failure. */
const dockerfile = (base: string) => `FROM ${base}
ENV PGDATA=${dataFolder}
ADD data.tar ${path.posix.dirname(dataFolder)}/
CMD ["postgres", "-c", "fsync=off"]
`;

/**
 * The same image with the data of a server that was started once: its servers answer in a second, where initdb and the
 * extensions take five seconds of CPU time. They share one system identifier. Quick when it is there.
 */
export async function preparedImage(base: string): Promise<string> {
  const tag = `postgis-backup-test/${base.replaceAll("/", "-")}`;
  const id = await inspect(base, "{{.Id}}");
  if (id === undefined) throw new Error(`There is no image ${base}; "make setup-tests" makes it.`);
  const recipe = createHash("sha256")
    .update(`${id} ${dockerfile(base)}`)
    .digest("hex")
    .slice(0, 16);
  if ((await inspect(tag, `{{index .Config.Labels "${recipeLabel}"}}`)) === recipe) return tag;
  const folder = await mkdtemp(path.join(os.tmpdir(), "pgb-test-image-"));
  try {
    await saveData(base, path.join(folder, "data.tar"));
    await writeFile(path.join(folder, "Dockerfile"), dockerfile(base));
    await execa("docker", ["build", "--quiet", "--label", `${recipeLabel}=${recipe}`, "--tag", tag, folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
  return tag;
}

/** Starts a server for the first time, ends it in order, and keeps what it wrote. */
async function saveData(image: string, tar: string): Promise<void> {
  const variables = [
    `POSTGRES_PASSWORD=${preparedPassword}`,
    "POSTGRES_INITDB_ARGS=--no-sync",
    `PGDATA=${dataFolder}`,
  ];
  const env = variables.flatMap((variable) => ["--env", variable]);
  // Little WAL, because every server of the image copies what it changes.
  const settings = ["-c", "fsync=off", "-c", "min_wal_size=32MB", "-c", "max_wal_size=32MB"];
  const { stdout: id } = await execa("docker", ["run", "--detach", ...ownLabel, ...env, image, ...settings]);
  try {
    const probe = ["exec", id, "pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres"];
    while ((await execa("docker", probe, { reject: false })).failed) {
      if ((await inspect(id, "{{.State.Running}}")) !== "true")
        throw new Error(`A server of ${image} ended before it answered.`);
      await sleep(200);
    }
    await execa("docker", ["stop", "--time", "60", id]);
    await execa("docker", ["cp", `${id}:${dataFolder}`, "-"], { stdout: { file: tar }, buffer: false });
  } finally {
    await execa("docker", ["rm", "--force", "--volumes", id]);
  }
}

async function inspect(object: string, format: string): Promise<string | undefined> {
  const { failed, stdout } = await execa("docker", ["inspect", "--format", format, object], {
    reject: false,
  });
  return failed ? undefined : stdout;
}
