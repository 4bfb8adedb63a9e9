"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
const execa_1 = require("execa");
const backup_scene_1 = require("../support/backup-scene");
const container_1 = require("../support/container");
const environment_1 = require("../support/environment");
const nothing_lost_1 = require("../support/nothing-lost");
const resources_1 = require("../support/resources");
describe("a backup of a table with a damaged page", function () {
    this.timeout(120_000);
    let scene;
    let args;
    before(async () => {
        scene = await (0, backup_scene_1.setScene)({
            statements: "CREATE TABLE small AS SELECT 1 AS x; CREATE TABLE damaged AS SELECT generate_series(1, 100000) AS g",
        });
        const { container } = scene;
        args = { container, directory: scene.directory({ mounted: true }), table: "small" };
        await (0, backup_scene_1.takeBackup)(args);
        const folder = await (0, resources_1.sql)(container, "SHOW data_directory");
        const file = await (0, resources_1.sql)(container, "CHECKPOINT; SELECT pg_relation_filepath('damaged')");
        await (0, execa_1.execa)("docker", ["stop", container]);
        const dd = ["if=/dev/urandom", `of=${folder}/${file}`, "bs=8192", "seek=7", "count=1", "conv=notrunc"];
        const { image } = await environment_1.environment;
        await (0, execa_1.execa)("docker", [
            ...["run", "--rm", ...resources_1.ownLabel, "--volumes-from", container, "--entrypoint", "dd", image, ...dd],
        ]);
        await (0, execa_1.execa)("docker", ["start", container]);
        await new container_1.TestContainer(container).ready();
    });
    after(() => scene.remove());
    it("fails in the server's words", async () => {
        const before = await (0, nothing_lost_1.rememberBackups)(args.container, args.directory);
        const outcome = await (0, backup_scene_1.startBackup)({ ...args, table: "damaged" }).ended;
        const code = outcome.stderr.includes("[dump-failed]") ? "dump-failed" : "server-error";
        await (0, nothing_lost_1.expectNothingLost)(before, outcome, { code, message: /invalid page in block 7 of relation base/ });
    });
});
