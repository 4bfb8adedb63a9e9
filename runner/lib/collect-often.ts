/**
 * Imported before all else. What streams through this program is garbage as soon as it has passed, in pieces that the
 * collector takes for small. A young generation that does not grow, as it would while modules are loaded, is collected so
 * often that they stay few, whatever the size of a backup.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--semi-space-growth-factor=1");
