import type Docker from "dockerode";
import { startProvider } from "../provider/start";
import { sdkVersion } from "../sdk-version";
import { dockerClient, dockerHost } from "./client";
import { containerResource } from "./container";
import { networkResource } from "./network";
import { volumeResource } from "./volume";

const OPERATION_SECONDS = 20 * 60;

let client = (): Docker => dockerClient(dockerHost({}, process.env))();
const docker = (): Docker => client();

void startProvider({
  name: "docker",
  version: sdkVersion("@pulumi/docker"),
  moduleFormat: "(.*)(?:/[^/]*)",
  configKeys: ["host"],
  configure: (config) => {
    client = dockerClient(dockerHost(config, process.env));
  },
  defaultTimeoutSeconds: OPERATION_SECONDS,
  resources: {
    "docker:index/container:Container": containerResource(docker),
    "docker:index/network:Network": networkResource(docker),
    "docker:index/volume:Volume": volumeResource(docker),
  },
});
