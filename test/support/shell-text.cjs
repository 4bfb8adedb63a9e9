/** Whoever imports a shell script gets its text, as in the bundle. */
const { readFileSync } = require("node:fs");

require.extensions[".sh"] = (module, file) => {
  module.exports = readFileSync(file, "utf8");
};
