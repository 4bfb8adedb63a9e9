// Stryker's runner for mocha names files of mocha without their ending; in mocha 12 that is ".cjs", which Node does not try by itself.
require.extensions[".cjs"] = require.extensions[".js"];
