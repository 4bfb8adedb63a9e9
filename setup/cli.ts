import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { builtPulumi, root } from "./paths";
import { step, SetupError } from "./step";
import { succeeds } from "./succeeds";

const version = "3.256.0";

/** Path of a Pulumi CLI: the user's, or one built once from its Go module. */
export async function ensurePulumi(): Promise<{ readonly pulumi: string; readonly built: boolean }> {
  if (await succeeds("pulumi", ["version"])) return { pulumi: "pulumi", built: false };
  if (!existsSync(builtPulumi)) await buildPulumi();
  return { pulumi: builtPulumi, built: true };
}

async function buildPulumi(): Promise<void> {
  if (!(await succeeds("go", ["version"]))) {
    throw new SetupError(
      "There is neither pulumi nor go on PATH. Install the Pulumi CLI, or Go 1.26 to build it with.",
    );
  }
  await mkdir(path.dirname(builtPulumi), { recursive: true });
  await step(`Building the Pulumi CLI ${version} from its Go module, once, about 4 minutes`, async () => {
    // Under another name first: an interrupted build must not be taken for a finished one.
    const unfinished = `${builtPulumi}.unfinished`;
    await execa(
      "go",
      [
        "build",
        "-trimpath",
        `-ldflags=-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`,
        "-o",
        unfinished,
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      ],
      { cwd: path.join(root, "offline", "cli"), env: { CGO_ENABLED: "0" } },
    );
    await rename(unfinished, builtPulumi);
  });
}
