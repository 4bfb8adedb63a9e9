/** What runs programs in YAML and in Python, for the tests. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { ensureGoProgram } from "./go";
import { cache, root } from "./paths";
import { step, SetupError, succeeds } from "./step";

const yamlVersion = "1.38.1";
const goModule = path.join(root, "test", "support", "languages");
const requirements = path.join(goModule, "requirements.txt");
const pythonFolder = path.join(cache, "python");

/** Python with Pulumi's SDK and a type checker. */
export const python = path.join(pythonFolder, "bin", "python");
/** Writes the Python SDK of a schema. */
export const pythonSdkProgram = path.join(cache, "bin", "python-sdk");

export async function ensureLanguages(pulumi: string): Promise<void> {
  await Promise.all([ensurePython(), ensureGoPrograms(pulumi)]);
}

/** One after the other, because they share nearly all of what is compiled. */
async function ensureGoPrograms(pulumi: string): Promise<void> {
  const withoutGo =
    "The tests run programs in YAML and Python, by programs that are built from Go modules. Install Go 1.26.";
  // A CLI of an official release has the host for YAML beside it; one that was built here has not.
  if (path.isAbsolute(pulumi))
    await ensureGoProgram({
      title: `Building Pulumi's language host for YAML ${yamlVersion} from its Go module, once, about a minute`,
      withoutGo,
      module: goModule,
      package: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
      ldflags: `-X github.com/pulumi/pulumi-yaml/pkg/version.Version=v${yamlVersion}`,
      output: path.join(path.dirname(pulumi), "pulumi-language-yaml"),
    });
  await ensureGoProgram({
    title: "Building Pulumi's generator of Python SDKs from its Go module, once",
    withoutGo,
    module: goModule,
    package: "./python-sdk",
    ldflags: "",
    output: pythonSdkProgram,
  });
}

/** Made anew when the requirements change. */
async function ensurePython(): Promise<void> {
  const wanted = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  const marker = path.join(pythonFolder, "requirements.sha256");
  if (existsSync(marker) && (await readFile(marker, "utf8")) === wanted) return;
  if (!(await succeeds("python3", ["-c", "import venv, ensurepip"])))
    throw new SetupError(
      "The tests check a program in Python. Install Python 3.9 or later with its module venv.",
    );
  await step("Installing Pulumi's SDK for Python, once, about half a minute", async () => {
    await rm(pythonFolder, { recursive: true, force: true });
    await execa("python3", ["-m", "venv", pythonFolder]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await execa(python, [...pip, "--requirement", requirements]);
    await writeFile(marker, wanted);
  });
}
