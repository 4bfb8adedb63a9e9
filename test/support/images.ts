import { imageOfVersion } from "../../setup/test-images";
import { environment } from "./environment";

/** The image of a version, whose servers initialise their data themselves. */
export async function imageOf(version: "13-3.1" | "15-3.3" | "17-3.5"): Promise<string> {
  return imageOfVersion(version, (await environment).image);
}
