"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.restoreCustom = restoreCustom;
exports.restoreDirectory = restoreDirectory;
exports.contentOf = contentOf;
const execa_1 = require("execa");
const resources_1 = require("./resources");
/** Restores an archive that stands on this machine into a new database, with the stock pg_restore of the container. */
async function restoreCustom(container, archive, database) {
    await newDatabase(container, database);
    await (0, execa_1.execa)("docker", ["exec", "--interactive", container, ...pgRestore(database)], { inputFile: archive });
}
/** Restores an archive that the container sees. */
async function restoreDirectory(container, archive, database) {
    await newDatabase(container, database);
    await (0, execa_1.execa)("docker", ["exec", container, ...pgRestore(database), "--jobs", "2", archive]);
}
/** Rows and an order-free digest of their text. */
function contentOf(container, table, database = "postgres") {
    return (0, resources_1.sql)(container, `SELECT count(*), sum(hashtextextended(t::text, 0)) FROM ${table} t`, database);
}
function pgRestore(database) {
    return ["pg_restore", "-h", "127.0.0.1", "-U", "postgres", "-d", database, "--exit-on-error"];
}
async function newDatabase(container, database) {
    await (0, resources_1.sql)(container, `DROP DATABASE IF EXISTS ${database} (FORCE)`);
    await (0, resources_1.sql)(container, `CREATE DATABASE ${database} TEMPLATE template0`);
    await (0, resources_1.sql)(container, "CREATE EXTENSION postgis", database);
}
