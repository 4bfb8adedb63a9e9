import { PolicyPack } from "@pulumi/policy";
import { everyContainerHasBackup } from "./every-container-has-backup";

new PolicyPack("postgis-backup", { policies: [everyContainerHasBackup] });
