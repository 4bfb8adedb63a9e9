// Makes what the plugin runs. "pulumi package add" runs "npm install" in this folder, and npm runs this file.
const { execFileSync } = require("node:child_process");
const {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "..");
const inRoot = (...below) => path.join(root, ...below);
// npm says which program it is; on Windows, "npm" alone is none that could be started.
const npm = (cwd, ...args) =>
  execFileSync(process.execPath, [process.env.npm_execpath, ...args], { cwd, stdio: "inherit" });

/** What the plugin needs, in the versions of the lock file: in half of the time that all packages take. */
function installNeeded() {
  const { importedPackages, pluginSources, reducedProject } = require("./needed-packages.cjs");
  const lockFile = JSON.parse(readFileSync(inRoot("package-lock.json"), "utf8"));
  // Pulumi's SDK starts the compiler in each plugin. Its own old one would not know the options of a tsconfig.json of today.
  const tools = ["esbuild", "ts-node", "typescript"];
  const wanted = [...importedPackages(pluginSources(root)), ...tools];
  const { project, lock } = reducedProject(lockFile, wanted);
  mkdirSync(inRoot(".cache"), { recursive: true });
  const folder = mkdtempSync(inRoot(".cache", "plugin-"));
  try {
    writeFileSync(path.join(folder, "package.json"), JSON.stringify(project));
    writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify(lock));
    npm(folder, "ci", "--no-audit", "--no-fund");
    // By this file, "make" would take it for an installation of all packages.
    rmSync(path.join(folder, "node_modules", ".package-lock.json"));
    rmSync(inRoot("node_modules"), { recursive: true, force: true });
    renameSync(path.join(folder, "node_modules"), inRoot("node_modules"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// A package that was installed from npm has been built. A checkout has not: "pulumi package add" of a git tag makes one.
if (!existsSync(inRoot("dist", "postgis-backup.js"))) {
  if (!existsSync(inRoot("node_modules", ".package-lock.json"))) installNeeded();
  npm(root, "run", "--silent", "build-plugin");
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
