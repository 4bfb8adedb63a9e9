import type Docker from "dockerode";
import { startProvider } from "../provider/start";
import { sdkVersion } from "../sdk-version";
import { dockerClient, dockerHost } from "./client";
import { containerResource } from "./container";
import { networkResource } from "./network";
import { secretResource } from "./secret";
import { serviceResource } from "./service";
import { serviceConfigResource } from "./service-config";
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
    "docker:index/secret:Secret": secretResource(docker),
    "docker:index/service:Service": serviceResource(docker),
    "docker:index/serviceConfig:ServiceConfig": serviceConfigResource(docker),
    "docker:index/volume:Volume": volumeResource(docker),
  },
});
