/** Whoever imports a shell script or a style sheet gets its text, as in the bundle. */
const { readFileSync } = require("node:fs");

for (const extension of [".sh", ".css"]) {
  require.extensions[extension] = (module, file) => {
    module.exports = readFileSync(file, "utf8");
  };
}
