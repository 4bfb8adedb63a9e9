import { readEnvironment } from "../../setup/environment";

/** What "make setup" found or made on this machine. */
export const environment = readEnvironment();
environment.catch(() => undefined);
