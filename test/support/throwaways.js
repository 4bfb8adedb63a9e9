"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.throwaways = throwaways;
const execa_1 = require("execa");
const throwaway_1 = require("../../runner/docker/throwaway");
/** Names of the throwaway containers, in any state, that the runner started for backups in these folders. */
async function throwaways(...folders) {
    const format = `{{.Names}} {{.Label "${throwaway_1.throwawayLabel}"}}`;
    const list = ["container", "ls", "--all", "--filter", `label=${throwaway_1.throwawayLabel}`, "--format", format];
    const { stdout } = await (0, execa_1.execa)("docker", list);
    return stdout
        .split("\n")
        .filter((line) => folders.some((folder) => line.includes(` ${folder}/`)))
        .map((line) => line.split(" ")[0] ?? "");
}
