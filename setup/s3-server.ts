import path from "node:path";
import { ensureGoProgram } from "./go";
import { cache, root } from "./paths";

const version = "1.8.0";

/** The S3 server for the tests, https://github.com/versity/versitygw. Users do not need it. */
export const s3ServerProgram = path.join(cache, "bin", `versitygw-${version}`);

export function ensureS3Server(): Promise<void> {
  return ensureGoProgram({
    title: `Building the S3 server for the tests, versitygw ${version}, from its Go module, once, about a minute`,
    withoutGo: "The tests use an S3 server that is built from its Go module. Install Go 1.26.",
    module: path.join(root, "test", "support", "versitygw"),
    package: "github.com/versity/versitygw/cmd/versitygw",
    ldflags: `-X main.Version=v${version}`,
    output: s3ServerProgram,
  });
}
