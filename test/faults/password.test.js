"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
const execa_1 = require("execa");
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
const resources_1 = require("../support/resources");
const password = "right-3f9ab1";
const wrong = "wrong-7c2d4e";
describe("a backup from a server that asks for a password", function () {
    this.timeout(120_000);
    let scene;
    let args;
    before(async () => {
        scene = await (0, backup_scene_1.setScene)({ statements: "CREATE TABLE small AS SELECT 1 AS x" });
        const directory = scene.directory({ mounted: true });
        args = { container: scene.container, directory, table: "small", more: ["--user", "reader"] };
        await (0, resources_1.sql)(scene.container, `CREATE ROLE reader LOGIN SUPERUSER PASSWORD '${password}'`);
        // Only for this role: the tests' own sessions come as postgres.
        const rule = "host all reader 127.0.0.1/32 scram-sha-256";
        const file = await (0, resources_1.sql)(scene.container, "SHOW hba_file");
        await (0, execa_1.execa)("docker", ["exec", scene.container, "sed", "-i", `1i ${rule}`, file]);
        await (0, resources_1.sql)(scene.container, "SELECT pg_reload_conf()");
    });
    after(() => scene.remove());
    it("succeeds with the right one, and tells it nobody", async () => {
        const { exitCode, stdout, stderr } = await (0, backup_scene_1.startBackup)(args, { PGPASSWORD: password }).ended;
        if (exitCode !== 0 || `${stdout}${stderr}`.includes(password))
            throw new Error(stderr);
    });
    for (const { title, env, message } of [
        { title: "none", env: {}, message: /no password supplied/ },
        {
            title: "a wrong one",
            env: { PGPASSWORD: wrong },
            message: /password authentication failed for user "reader"/,
        },
    ]) {
        it(`fails with ${title} in the server's words`, async () => {
            const before = await (0, nothing_lost_1.rememberBackups)(scene.container, args.directory);
            const outcome = await (0, backup_scene_1.startBackup)(args, env).ended;
            await (0, nothing_lost_1.expectNothingLost)(before, outcome, {
                code: "connection-refused",
                message,
                secrets: [wrong, password],
            });
        });
    }
});
