import { execa } from "execa";
import { buildImage } from "../offline/image/build";
import { installPackages, isDebianRoot } from "./debian";
import { cache } from "./paths";
import { step, SetupError } from "./step";

/** Default of the setting `image` in Pulumi.yaml. */
export const officialImage = "postgis/postgis:17-3.5";

/** Name of an image that is on this machine: the wanted one, or, where the default cannot be pulled, one built here. */
export async function ensureImage(wanted = officialImage): Promise<string> {
  if (await isLocal(wanted)) return wanted;
  const pulled = await step(`Pulling ${wanted}`, () =>
    execa("docker", ["pull", "--quiet", wanted], { reject: false }),
  );
  if (!pulled.failed) return wanted;
  if (wanted !== officialImage) {
    throw new SetupError(
      `The image ${wanted} is not on this machine and cannot be pulled:\n${pulled.stderr}`,
    );
  }
  console.error(
    "  No registry answers; building an image with the same contents from Debian packages instead.",
  );
  if ((await execa("mmdebstrap", ["--version"], { reject: false })).failed) {
    if (!isDebianRoot()) {
      throw new SetupError(
        `${wanted} cannot be pulled, and only as root on Debian can an image be built instead:\n${pulled.stderr}`,
      );
    }
    await installPackages("mmdebstrap");
  }
  return step("Building the PostGIS image, about a minute", () =>
    buildImage({
      version: "17-3.5",
      cacheDir: cache,
      log: (line: string) => {
        console.error(`  ${line}`);
      },
    }),
  );
}

async function isLocal(image: string): Promise<boolean> {
  return !(await execa("docker", ["image", "inspect", image], { reject: false })).failed;
}
