"use strict";
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __setModuleDefault = (this && this.__setModuleDefault) || (Object.create ? (function(o, v) {
    Object.defineProperty(o, "default", { enumerable: true, value: v });
}) : function(o, v) {
    o["default"] = v;
});
var __importStar = (this && this.__importStar) || (function () {
    var ownKeys = function(o) {
        ownKeys = Object.getOwnPropertyNames || function (o) {
            var ar = [];
            for (var k in o) if (Object.prototype.hasOwnProperty.call(o, k)) ar[ar.length] = k;
            return ar;
        };
        return ownKeys(o);
    };
    return function (mod) {
        if (mod && mod.__esModule) return mod;
        var result = {};
        if (mod != null) for (var k = ownKeys(mod), i = 0; i < k.length; i++) if (k[i] !== "default") __createBinding(result, mod, k[i]);
        __setModuleDefault(result, mod);
        return result;
    };
})();
Object.defineProperty(exports, "__esModule", { value: true });
exports.startMocks = startMocks;
exports.valueOf = valueOf;
exports.settled = settled;
exports.secret = secret;
exports.unknownOutput = unknownOutput;
const command = __importStar(require("@pulumi/command"));
const pulumi = __importStar(require("@pulumi/pulumi"));
/** Collects every resource that a program registers; custom ones get an id and their inputs as outputs. */
async function startMocks(options = {}) {
    const registered = [];
    await pulumi.runtime.setMocks({
        newResource: ({ type, name, inputs }) => {
            registered.push({ type, name, inputs: inputs });
            const state = type === "command:local:Command" && !options.preview ? { stdout: options.stdout ?? "" } : {};
            return { id: options.preview ? undefined : `${name}-id`, state: { ...inputs, ...state } };
        },
        call: ({ inputs }) => inputs,
    }, "postgis-backup", "test", options.preview ?? false, "acme");
    return registered;
}
/** The value of an output; undefined while it is unknown. */
function valueOf(output) {
    return output.promise();
}
/** Until everything that was declared is registered, or has failed. */
function settled() {
    return pulumi.runtime.disconnect(false);
}
/** How a secret travels to the engine, which encrypts what is marked like this. */
function secret(value) {
    return { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value };
}
/** In a preview: the output of a resource that does not exist yet. */
function unknownOutput() {
    return new command.local.Command("unknown", { create: "true" }).stdout;
}
