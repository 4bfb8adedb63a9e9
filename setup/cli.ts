import path from "node:path";
import { ensureGoProgram } from "./go";
import { builtPulumi, root } from "./paths";
import { succeeds } from "./succeeds";

const version = "3.256.0";

/** Path of a Pulumi CLI: the user's, or one built once from its Go module. */
export async function ensurePulumi(): Promise<{ readonly pulumi: string; readonly built: boolean }> {
  if (await succeeds("pulumi", ["version"])) return { pulumi: "pulumi", built: false };
  await ensureGoProgram({
    title: `Building the Pulumi CLI ${version} from its Go module, once, about 4 minutes`,
    withoutGo: "There is neither pulumi nor go on PATH. Install the Pulumi CLI, or Go 1.26 to build it with.",
    module: path.join(root, "offline", "cli"),
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ldflags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`,
    output: builtPulumi,
  });
  return { pulumi: builtPulumi, built: true };
}
