import assert from "node:assert/strict";
import packageJson from "../../../package.json";
import packageLock from "../../../package-lock.json";
import { importedPackages, pluginSources, reducedProject } from "../../../plugin/needed-packages.cjs";
import { root } from "../../../setup/paths";

describe("what an installation of the plugin needs", () => {
  it("is what sources import, by whatever kind of import, and nothing of their own or of Node.js", () => {
    const source = `import assert from "node:assert/strict";
import path from "path/posix";
import type { Command } from "commander";
import * as pulumi from "@pulumi/pulumi/automation";
import { one,
  two } from "./one";
import "ms";
const bar = () => require("cli-progress") as unknown;
const aws = () => import("@aws-sdk/client-s3");`;
    const expected = ["path", "commander", "@pulumi/pulumi", "ms", "cli-progress", "@aws-sdk/client-s3"];
    assert.deepEqual(importedPackages([source]), expected);
  });

  it("comes with all that it loads, each where Node.js finds it", () => {
    const packages = {
      "": {},
      "node_modules/a": { version: "1.0.0", dev: true, dependencies: { b: "1", c: "1" } },
      "node_modules/a/node_modules/b": { version: "1.1.0", dependencies: { c: "1" } },
      "node_modules/b": { version: "2.0.0" },
      "node_modules/c": {
        version: "1.2.0",
        peerDependencies: { d: "1", absent: "1" },
        peerDependenciesMeta: { absent: { optional: true } },
        optionalDependencies: { f: "1", missing: "1" },
      },
      "node_modules/d": { version: "1.3.0", dependencies: { a: "1" } },
      "node_modules/e": { version: "1.4.0" },
      "node_modules/f": { version: "1.5.0" },
    };
    const { project, lock } = reducedProject({ lockfileVersion: 3, packages }, ["a", "path"]);
    assert.deepEqual(project.dependencies, { a: "1.0.0" });
    assert.deepEqual(Object.keys(lock.packages).toSorted(), [
      "",
      "node_modules/a",
      "node_modules/a/node_modules/b",
      "node_modules/c",
      "node_modules/d",
      "node_modules/f",
    ]);
    assert.deepEqual(lock.packages["node_modules/a"], {
      version: "1.0.0",
      dependencies: { b: "1", c: "1" },
    });
  });

  it("has every library of the components and the command line, and nothing that only checks or tests them", () => {
    const { project } = reducedProject(packageLock, importedPackages(pluginSources(root)));
    const { dependencies, peerDependencies, devDependencies } = packageJson;
    for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies), "commander", "execa"])
      assert.ok(name in project.dependencies, name);
    const tools = [
      "eslint",
      "mocha",
      "prettier",
      "typescript",
      "@stryker-mutator/core",
      "@observablehq/plot",
    ];
    for (const name of tools) assert.ok(!(name in project.dependencies) && name in devDependencies, name);
  });
});
