import { startProvider } from "../provider/start";
import { sdkVersion } from "../sdk-version";
import { bucketResource } from "./bucket";
import { configKeys, connect, type Connection } from "./connection";
import { settingResource } from "./setting";
import { encryption, lifecycle, ownershipControls, policy, publicAccessBlock } from "./settings";
import { objectLock, versioning } from "./versioning";

const OPERATION_SECONDS = 20 * 60;

// The SDK's warning about the version of Node.js would only disturb users of "pulumi up".
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

let connection = (): Connection => connect({}, process.env);
const current = (): Connection => connection();

const settings = [
  ...[encryption, lifecycle, objectLock, ownershipControls, policy, publicAccessBlock, versioning],
].map((setting) => {
  const module = setting.type.charAt(0).toLowerCase() + setting.type.slice(1);
  return [`aws:s3/${module}:${setting.type}`, settingResource(setting, current)] as const;
});

void startProvider({
  name: "aws",
  version: sdkVersion("@pulumi/aws"),
  moduleFormat: "(.*)(?:/[^/]*)",
  configKeys,
  configure: (config) => {
    const configured = connect(config, process.env);
    connection = () => configured;
  },
  defaultTimeoutSeconds: OPERATION_SECONDS,
  resources: {
    "aws:s3/bucket:Bucket": bucketResource(current),
    ...Object.fromEntries(settings),
  },
});
