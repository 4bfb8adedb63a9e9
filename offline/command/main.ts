import { startProvider } from "../provider/start";
import { sdkVersion } from "../sdk-version";
import { command } from "./command";

void startProvider({
  name: "command",
  version: sdkVersion("@pulumi/command"),
  configKeys: [],
  configure: () => undefined,
  resources: { "command:local:Command": command },
});
