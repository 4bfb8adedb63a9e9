import type { Location } from "../request";
import { folderStore } from "./folder-store";
import type { Store } from "./store";

/** The store that a request means. */
export function openStore({ directory }: Location): Store {
  return folderStore(directory);
}
