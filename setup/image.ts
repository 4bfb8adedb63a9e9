import path from "node:path";
import { execa } from "execa";
import { buildImage } from "../offline/image/build";
import { imageTag } from "../offline/image/versions";
import { installPackages, isDebianRoot } from "./debian";
import { cache } from "./paths";
import { step, SetupError, succeeds } from "./step";
const version = "17-3.5";

/** Default of the setting `image` in Pulumi.yaml. */
export const officialImage = `postgis/postgis:${version}`;

/** Returns the name of a local image: the official one, or one built here if the official one cannot be pulled. */
export async function ensureImage(): Promise<string> {
  if (await isLocal(officialImage)) return officialImage;
  if (await isLocal(imageTag(version))) return build();
  const pulled = await step(`Pulling ${officialImage}`, () =>
    execa("docker", ["pull", "--quiet", officialImage], { reject: false }),
  );
  if (!pulled.failed) return officialImage;
  console.error(
    "  No registry answers. Building an image with the same contents from Debian packages instead.",
  );
  if (!(await succeeds("mmdebstrap", ["--version"]))) {
    if (!isDebianRoot()) {
      throw new SetupError(
        `${officialImage} cannot be pulled. Check the connection to the registry, or run this as root on Debian, ` +
          `which builds an image instead.\n${pulled.stderr}`,
      );
    }
    await installPackages("mmdebstrap");
  }
  return step("Building the PostGIS image, about a minute", build);
}

/** Quick if the image exists and its recipe is unchanged. */
function build(): Promise<string> {
  const log = (line: string) => {
    console.error(`  ${line}`);
  };
  return buildImage({ version, cacheDir: path.join(cache, "image"), log });
}

function isLocal(image: string): Promise<boolean> {
  return succeeds("docker", ["image", "inspect", image]);
}
