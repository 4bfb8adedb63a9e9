"use strict";
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __setModuleDefault = (this && this.__setModuleDefault) || (Object.create ? (function(o, v) {
    Object.defineProperty(o, "default", { enumerable: true, value: v });
}) : function(o, v) {
    o["default"] = v;
});
var __importStar = (this && this.__importStar) || (function () {
    var ownKeys = function(o) {
        ownKeys = Object.getOwnPropertyNames || function (o) {
            var ar = [];
            for (var k in o) if (Object.prototype.hasOwnProperty.call(o, k)) ar[ar.length] = k;
            return ar;
        };
        return ownKeys(o);
    };
    return function (mod) {
        if (mod && mod.__esModule) return mod;
        var result = {};
        if (mod != null) for (var k = ownKeys(mod), i = 0; i < k.length; i++) if (k[i] !== "default") __createBinding(result, mod, k[i]);
        __setModuleDefault(result, mod);
        return result;
    };
})();
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const pulumi = __importStar(require("@pulumi/pulumi"));
const components_1 = require("../../../components");
const mocks_1 = require("./mocks");
const result = {
    backupId: "20261122T081500Z",
    location: "/b/cbm/20261122T081500Z",
    manifest: "/b/cbm/20261122T081500Z/manifest.json",
    createdAt: "2026-11-22T08:15:00.000Z",
    sizeBytes: 5,
    tables: ["public.a"],
    restoreCommand: "docker exec …",
    verification: { level: "archive", seconds: 1.5 },
    pruned: ["20261001T081500Z"],
    alarm: "too small",
};
const least = {
    connection: { container: "pg_spat" },
    tables: ["a"],
    directory: "./backups",
};
async function declare(args, preview = false) {
    const registered = await (0, mocks_1.startMocks)({ stdout: JSON.stringify(result), preview });
    const backup = new components_1.TableBackup("cbm", args);
    await (0, mocks_1.settled)();
    const command = registered.find(({ name }) => name === "cbm-backup");
    strict_1.default.ok(command);
    return { backup, inputs: command.inputs, registered };
}
const requestOf = ({ inputs }) => JSON.parse(String(inputs["stdin"]));
describe("TableBackup", () => {
    it("declares one command with exactly these inputs", async () => {
        const { inputs, registered } = await declare(least);
        strict_1.default.deepEqual(registered.map(({ name }) => name).sort(), ["cbm", "cbm-backup"]);
        const { create, stdin, ...rest } = inputs;
        strict_1.default.match(String(create), /^exec node \S*dist\/runner\/main\.js backup --request -$/);
        strict_1.default.deepEqual(JSON.parse(String(stdin)), {
            container: "pg_spat",
            tables: ["a"],
            directory: "./backups",
            name: "cbm",
        });
        strict_1.default.deepEqual(rest, {
            update: 'printf %s "$PULUMI_COMMAND_STDOUT"',
            environment: {},
            triggers: [{ container: "pg_spat", tables: ["a"], directory: "./backups", name: "cbm" }],
            logging: "stderr",
        });
        strict_1.default.equal(inputs["delete"], undefined, "a backup outlives the resource that took it");
    });
    it("takes a new backup for what is backed up and where it goes, and for nothing else", async () => {
        const triggersOf = async (args) => JSON.stringify((await declare({ ...least, ...args })).inputs["triggers"]);
        const base = await triggersOf({});
        for (const changed of [
            { connection: { container: "other" } },
            { connection: { container: "pg_spat", database: "gis" } },
            { tables: ["b"] },
            { excludeTables: ["c"] },
            { directory: "/srv" },
            { backupName: "n" },
            { format: "custom" },
            { compression: "gzip:6" },
            { references: "add" },
            { triggers: ["x"] },
            { every: "24h" },
        ]) {
            strict_1.default.notEqual(await triggersOf(changed), base, JSON.stringify(changed));
        }
        for (const same of [
            { connection: { container: "pg_spat", user: "u" } },
            { password: "p" },
            { jobs: 3 },
            { relations: ["a.x -> b.y"], maxOrphans: 0, lockTimeout: 5 },
            { verify: "restore", fileMode: "0640" },
            { keepLast: 1, keepDaily: 1, keepWeekly: 1, keepMonthly: 1, keepYearly: 1, minSizeRatio: 0.5 },
        ]) {
            strict_1.default.equal(await triggersOf(same), base, JSON.stringify(same));
        }
    });
    it("counts periods of `every` from the epoch", async () => {
        const { inputs } = await declare({ ...least, triggers: ["t"], every: "1d" });
        const day = Math.floor(Date.now() / 86_400_000);
        const [, trigger, period] = inputs["triggers"];
        strict_1.default.equal(trigger, "t");
        strict_1.default.ok(period === day || period === day - 1, "midnight may pass between the two");
    });
    it("hands every option to the runner, the password by the environment alone", async () => {
        const more = {
            references: "accept",
            relations: ["a.x -> b.y"],
            maxOrphans: 0,
            lockTimeout: 5,
            verify: "restore",
            keepLast: 1,
            keepDaily: 2,
            keepWeekly: 3,
            keepMonthly: 4,
            keepYearly: 5,
            minSizeRatio: 0.5,
            fileMode: "0640",
        };
        const { inputs } = await declare({
            connection: { container: "c", user: "u", database: "d", dockerHost: "ssh://h" },
            password: "geheim",
            tables: ["a"],
            excludeTables: ["b"],
            directory: "/srv",
            backupName: "n",
            format: "custom",
            jobs: 2,
            compression: "lz4",
            ...more,
        });
        strict_1.default.deepEqual(requestOf({ inputs }), {
            container: "c",
            user: "u",
            database: "d",
            dockerHost: "ssh://h",
            tables: ["a"],
            excludeTables: ["b"],
            directory: "/srv",
            name: "n",
            format: "custom",
            jobs: 2,
            compression: "lz4",
            ...more,
        });
        strict_1.default.deepEqual(inputs["environment"], (0, mocks_1.secret)({ PGPASSWORD: "geheim" }));
        strict_1.default.ok(!JSON.stringify({ ...inputs, environment: {} }).includes("geheim"));
    });
    it("has an empty alarm when the runner sends none", async () => {
        await (0, mocks_1.startMocks)({ stdout: JSON.stringify({ ...result, alarm: undefined }) });
        strict_1.default.equal(await (0, mocks_1.valueOf)(new components_1.TableBackup("cbm", least).alarm), "");
    });
    it("reads its outputs from the runner's answer", async () => {
        const { backup } = await declare(least);
        for (const [name, value] of Object.entries(result)) {
            strict_1.default.deepEqual(await (0, mocks_1.valueOf)(backup[name]), value, name);
        }
        strict_1.default.equal(await pulumi.isSecret(backup.location), false);
    });
    it("previews before the backup exists", async () => {
        const { backup, inputs } = await declare(least, true);
        strict_1.default.equal(await (0, mocks_1.valueOf)(backup.location), undefined);
        strict_1.default.equal(requestOf({ inputs })["container"], "pg_spat");
    });
    it("previews with a container whose name is not known yet", async () => {
        const registered = await (0, mocks_1.startMocks)({ preview: true });
        const backup = new components_1.TableBackup("cbm", { ...least, connection: { container: (0, mocks_1.unknownOutput)() } });
        await (0, mocks_1.settled)();
        const command = registered.find(({ name }) => name === "cbm-backup");
        strict_1.default.ok(command);
        strict_1.default.ok(pulumi.containsUnknowns(command.inputs["stdin"]));
        strict_1.default.equal(await (0, mocks_1.valueOf)(backup.backupId), undefined);
    });
    for (const [name, args, message] of [
        ["no tables", { tables: [] }, /^tables: .*at least one table/],
        ["a name that leaves its folder", { backupName: "../x" }, /^name: /],
        ["an unknown format", { format: "tar" }, /^format: /],
        ["an unknown compression", { compression: "bzip2" }, /^compression: .*zstd/],
        ["jobs out of range", { jobs: 0 }, /^jobs: /],
        ["a level that does not exist", { verify: "full" }, /^verify: /],
        ["a retention of nothing", { keepLast: 0 }, /^keepLast: /],
        ["a file mode that is not octal", { fileMode: "rw" }, /^fileMode: .*octal/],
        ["a period that is none", { every: "soon" }, /^every: .*24h/],
    ]) {
        it(`refuses ${name} at once`, async () => {
            await (0, mocks_1.startMocks)();
            const wrong = { ...least, ...args };
            strict_1.default.throws(() => new components_1.TableBackup("cbm", wrong), (error) => pulumi.ResourceError.isInstance(error) && message.test(error.message));
        });
    }
});
