import path from "node:path";
import { ensureGoProgram } from "./go";
import { root } from "./paths";

const version = "1.38.1";

/** What runs programs in YAML, for the tests. A CLI of an official release has it beside it; one that was built here has not. */
export async function ensureYamlHost(pulumi: string): Promise<void> {
  if (!path.isAbsolute(pulumi)) return;
  await ensureGoProgram({
    title: `Building Pulumi's language host for YAML ${version} from its Go module, once, about a minute`,
    withoutGo:
      "The tests run a program in YAML, by a host that is built from its Go module. Install Go 1.26.",
    module: path.join(root, "test", "support", "language-yaml"),
    package: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    ldflags: `-X github.com/pulumi/pulumi-yaml/pkg/version.Version=v${version}`,
    output: path.join(path.dirname(pulumi), "pulumi-language-yaml"),
  });
}
