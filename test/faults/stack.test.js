"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_events_1 = require("node:events");
const node_path_1 = __importDefault(require("node:path"));
const environment_1 = require("../support/environment");
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
const stack_1 = require("../support/stack");
describe("the stack program", function () {
    this.timeout(300_000);
    let project;
    let password;
    before(async () => {
        project = await (0, stack_1.createProject)();
        password = (await project.stack.getConfig("password")).value;
        const settings = { CBM_SIGNATURE_ROWS: "1000000" };
        await project.stack.setConfig("environment", { value: JSON.stringify(settings) });
        await project.stack.setConfig("compression", { value: "gzip:9" });
        await project.stack.setConfig("tables[0]", { value: "dias_catalogue" }, true);
        await (0, stack_1.up)(project);
    });
    after(() => (0, stack_1.removeProject)(project));
    /** `pulumi up` in a process group of its own, as a shell with job control starts it. */
    async function startUp() {
        const { pulumi } = await environment_1.environment;
        const child = (0, node_child_process_1.spawn)(pulumi, ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", "test"], {
            cwd: project.folder,
            env: { ...process.env, ...project.stack.workspace.envVars },
            stdio: ["ignore", "pipe", "pipe"],
            detached: true,
        });
        const output = { stdout: "", stderr: "" };
        for (const stream of ["stdout", "stderr"]) {
            child[stream].on("data", (data) => (output[stream] += data.toString()));
        }
        const started = performance.now();
        const ended = (0, node_events_1.once)(child, "close").then(([code]) => ({
            exitCode: code ?? undefined,
            ...output,
            seconds: (performance.now() - started) / 1000,
        }));
        return { pid: child.pid ?? 0, ended };
    }
    const reading = () => (0, backup_scene_1.sessionRunning)(project.container, 'COPY public."roi2020_S2_signatures"%');
    const expected = { code: undefined, message: /./, partial: "left" };
    it("leaves nothing behind when Ctrl-C ends the up, and backs up in the next", async () => {
        const before = await (0, nothing_lost_1.rememberBackups)(project.container, node_path_1.default.join(project.folder, "backups"));
        await project.stack.setConfig("tables[0]", { value: "roi2020_S2_signatures" }, true);
        const { pid, ended } = await startUp();
        await reading();
        process.kill(-pid, "SIGINT");
        await (0, nothing_lost_1.expectNothingLost)(before, await ended, { ...expected, secrets: [password] });
        const { outputs } = await (0, stack_1.up)(project);
        strict_1.default.deepEqual(outputs["backupTables"], ['public."roi2020_S2_signatures"']);
    });
    it("refuses a second up while one runs, and the first completes", async () => {
        await project.stack.setConfig("triggers[0]", { value: "again" }, true);
        const first = await startUp();
        await reading();
        const second = await (await startUp()).ended;
        strict_1.default.notEqual(second.exitCode, 0);
        strict_1.default.match(`${second.stdout}${second.stderr}`, /stack is currently locked|another update/i);
        const { exitCode, stdout, stderr } = await first.ended;
        strict_1.default.equal(exitCode, 0, stdout + stderr);
    });
});
