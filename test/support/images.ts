import path from "node:path";
import { execa } from "execa";
import { buildImage } from "../../offline/image/build";
import { cache } from "../../setup/paths";
import { environment } from "./environment";

/** The image of a version: the official one where that is in use, else one built from Debian packages. */
export async function imageOf(version: "13-3.1" | "15-3.3" | "17-3.5"): Promise<string> {
  const { image } = await environment;
  if (image.startsWith("postgis-backup-offline/"))
    return buildImage({ version, cacheDir: path.join(cache, "image"), log: () => undefined });
  const official = `postgis/postgis:${version}`;
  await execa("docker", ["pull", "--quiet", official]);
  return official;
}
