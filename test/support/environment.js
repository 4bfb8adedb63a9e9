"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.environment = void 0;
const environment_1 = require("../../setup/environment");
/** What "make setup" found or made on this machine. */
exports.environment = (0, environment_1.readEnvironment)();
exports.environment.catch(() => undefined);
