/**
 * Keeps memory flat while a backup streams through this program. The streamed buffers become garbage at once, but the
 * collector underestimates their size. If the young generation cannot grow, the collector runs often enough. Import
 * this module first, because the young generation already grows while other modules load.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--semi-space-growth-factor=1");
