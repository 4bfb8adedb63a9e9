"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.createProject = createProject;
exports.removeProject = removeProject;
exports.up = up;
const node_crypto_1 = require("node:crypto");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const automation_1 = require("@pulumi/pulumi/automation");
const paths_1 = require("../../setup/paths");
const environment_1 = require("./environment");
const resources_1 = require("./resources");
/** The checkout's own stack program, with what it reads. */
const stackProgram = ["Pulumi.yaml", "index.ts", "components", "runner", "examples", "dist"];
/** A program in a project folder with a state of its own, so that it runs beside the user's stack. */
async function createProject(source = paths_1.root, files = stackProgram) {
    const { pulumi, env, image } = await environment_1.environment;
    const folder = await (0, resources_1.temporaryFolder)();
    await Promise.all([
        ...files.map((name) => (0, promises_1.symlink)(node_path_1.default.join(source, name), node_path_1.default.join(folder, name))),
        ...["node_modules", "package.json", "tsconfig.json"].map((name) => (0, promises_1.symlink)(node_path_1.default.join(paths_1.root, name), node_path_1.default.join(folder, name))),
        (0, promises_1.mkdir)(node_path_1.default.join(folder, ".state")),
    ]);
    const built = node_path_1.default.isAbsolute(pulumi)
        ? await automation_1.PulumiCommand.get({ root: node_path_1.default.dirname(node_path_1.default.dirname(pulumi)) })
        : undefined;
    const stack = await automation_1.LocalWorkspace.createStack({ stackName: "test", workDir: folder }, {
        ...(built === undefined ? {} : { pulumiCommand: built }),
        envVars: {
            ...env,
            PULUMI_BACKEND_URL: `file://${node_path_1.default.join(folder, ".state")}`,
            PULUMI_CONFIG_PASSPHRASE: (0, node_crypto_1.randomBytes)(8).toString("hex"),
            PULUMI_CONFIG_PASSPHRASE_FILE: "",
        },
    });
    const container = (0, resources_1.uniqueName)();
    const port = await (0, resources_1.freePort)();
    await stack.setAllConfig({
        image: { value: image },
        containerName: { value: container },
        port: { value: String(port) },
        password: { value: (0, node_crypto_1.randomBytes)(12).toString("base64url"), secret: true },
        labels: { value: JSON.stringify({ [resources_1.testLabel]: String(process.pid) }) },
        environment: { value: JSON.stringify({ CBM_SIGNATURE_ROWS: "51100" }) },
    });
    return { folder, stack, container, port };
}
/** Destroys all that the stack made, protected or not. */
async function removeProject({ folder, stack, container }) {
    await stack.destroy({ excludeProtected: true });
    await (0, resources_1.removeVolume)(`${container}-data`);
    await (0, resources_1.removeFolder)(folder);
}
/** What `up` did, as counts by kind of change, the stack's outputs, and all that the CLI printed. */
async function up({ stack }) {
    const printed = [];
    const { summary, outputs } = await stack.up({ diff: true, onOutput: (text) => printed.push(text) });
    const values = Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
    return { changes: { ...summary.resourceChanges }, outputs: values, log: printed.join("") };
}
