import path from "node:path";
import { ensureGoProgram } from "./go";
import { builtPulumi, root } from "./paths";
import { succeeds } from "./step";

const version = "3.256.0";

/** Returns the path of a Pulumi CLI: the user's own if there is one, otherwise one that is built from its Go module. */
export async function ensurePulumi(): Promise<{ readonly pulumi: string; readonly built: boolean }> {
  if (await succeeds("pulumi", ["version"])) return { pulumi: "pulumi", built: false };
  await ensureGoProgram({
    title: `Building the Pulumi CLI ${version} from its Go module, once, about 4 minutes`,
    withoutGo: "Neither pulumi nor go is on PATH. Install the Pulumi CLI, or install Go 1.26 to build it.",
    module: path.join(root, "offline", "cli"),
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ldflags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`,
    output: builtPulumi,
  });
  return { pulumi: builtPulumi, built: true };
}
