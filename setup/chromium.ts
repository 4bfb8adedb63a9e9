import { installPackages, isDebianRoot } from "./debian";
import { SetupError, succeeds } from "./step";

/** The browser in which tests open the page of a report; the font is for screenshots. */
export async function ensureChromium(): Promise<void> {
  if (await succeeds("chromium", ["--version"])) return;
  if (!isDebianRoot())
    throw new SetupError("chromium is missing. Install it, for example: apt-get install chromium");
  await installPackages("chromium", "fonts-dejavu-core");
}
