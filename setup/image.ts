import path from "node:path";
import { execa } from "execa";
import { buildImage } from "../offline/image/build";
import { imageTag } from "../offline/image/versions";
import { installPackages, isDebianRoot } from "./debian";
import { cache } from "./paths";
import { step, SetupError } from "./step";
import { succeeds } from "./succeeds";

const version = "17-3.5";

/** Default of the setting `image` in Pulumi.yaml. */
export const officialImage = `postgis/postgis:${version}`;

/** Name of an image that is on this machine: the official one, or, where that cannot be pulled, one built here. */
export async function ensureImage(): Promise<string> {
  if (await isLocal(officialImage)) return officialImage;
  if (await isLocal(imageTag(version))) return build();
  const pulled = await step(`Pulling ${officialImage}`, () =>
    execa("docker", ["pull", "--quiet", officialImage], { reject: false }),
  );
  if (!pulled.failed) return officialImage;
  console.error(
    "  No registry answers; an image with the same contents is built from Debian packages instead.",
  );
  if (!(await succeeds("mmdebstrap", ["--version"]))) {
    if (!isDebianRoot()) {
      throw new SetupError(
        `${officialImage} cannot be pulled, and only as root on Debian can an image be built instead:\n${pulled.stderr}`,
      );
    }
    await installPackages("mmdebstrap");
  }
  return step("Building the PostGIS image, about a minute", build);
}

/** Quick when the image is there and its recipe is the same. */
function build(): Promise<string> {
  const log = (line: string) => {
    console.error(`  ${line}`);
  };
  return buildImage({ version, cacheDir: path.join(cache, "image"), log });
}

function isLocal(image: string): Promise<boolean> {
  return succeeds("docker", ["image", "inspect", image]);
}
