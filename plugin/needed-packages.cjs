// What the plugin needs of a checkout's packages: the others check, test, measure, and draw reports.
const { readdirSync, readFileSync } = require("node:fs");
const path = require("node:path");

/** What the script "build-plugin" compiles: the verb "report" is a program of its own. */
function pluginSources(root) {
  const files = ["components", "plugin", "runner"].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true }).map((file) => path.join(folder, file)),
  );
  const report = path.join("runner", "report", path.sep);
  return files
    .filter((file) => file.endsWith(".ts") && !file.startsWith(report))
    .map((file) => readFileSync(path.join(root, file), "utf8"));
}

/** The packages that sources import. */
function importedPackages(sources) {
  const imported = /(?:\bfrom|\bimport\(|\brequire\(|^import) ?"((?:@[\w.-]+\/)?[\w-][\w.-]*)[^:"]*"/gm;
  return [...new Set(sources.flatMap((text) => [...text.matchAll(imported)].map(([, name]) => name)))];
}

/** Where a package in a folder finds another one, as Node.js looks for it. */
function placeOf(packages, name, folder) {
  const place = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
  if (place in packages) return place;
  if (folder === "") return undefined;
  return placeOf(packages, name, folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/"))));
}

/** Of the packages in a lock file, the named ones and all that they may load. npm leaves out optional peers that are not named. */
function lockedPackages(packages, names) {
  const found = {};
  const add = (name, from) => {
    const place = placeOf(packages, name, from);
    if (place === undefined || place in found) return;
    const { dev, devOptional, ...entry } = packages[place];
    found[place] = entry;
    const { dependencies, optionalDependencies, peerDependencies } = entry;
    for (const one of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
      add(one, place);
  };
  for (const name of names) add(name, "");
  return found;
}

/** The package.json and package-lock.json that install the named packages in the versions of a lock file. */
function reducedProject({ lockfileVersion, packages }, names) {
  const locked = lockedPackages(packages, names);
  const wanted = names.filter((name) => `node_modules/${name}` in locked);
  const versions = wanted.map((name) => [name, locked[`node_modules/${name}`].version]);
  const project = { name: "plugin", version: "0.0.0", dependencies: Object.fromEntries(versions) };
  return {
    project,
    lock: { ...project, lockfileVersion, requires: true, packages: { "": project, ...locked } },
  };
}

module.exports = { importedPackages, pluginSources, reducedProject };
