// Stryker loads files of mocha without their extension. In mocha 12 that is ".cjs", which Node.js does not try by itself.
require.extensions[".cjs"] = require.extensions[".js"];
