// Makes what the plugin runs. "pulumi package add" runs "npm install" in this folder, and npm runs this file.
const { execFileSync } = require("node:child_process");
const { existsSync } = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "..");
const has = (file) => existsSync(path.join(root, file));
// npm says which program it is; on Windows, "npm" alone is none that could be started.
const npm = (...args) =>
  execFileSync(process.execPath, [process.env.npm_execpath, ...args], { cwd: root, stdio: "inherit" });

// A package that was installed from npm has been built. A checkout has not: "pulumi package add" of a git tag makes one.
if (!has("dist/postgis-backup.js")) {
  if (!has("node_modules/.package-lock.json")) npm("ci", "--no-audit", "--no-fund");
  npm("run", "build");
}

const { peerDependencies } = require("../package.json");
const missing = Object.keys(peerDependencies).filter((name) => {
  try {
    return !require.resolve(`${name}/package.json`, { paths: [root] });
  } catch {
    return true;
  }
});
if (missing.length > 0) {
  const wanted = missing.map((name) => `"${name}@${peerDependencies[name]}"`).join(" ");
  console.error(
    `postgis-backup needs Pulumi's SDKs beside it. Run "npm install ${wanted.replaceAll('"', "'")}" first.`,
  );
  process.exitCode = 1;
}
