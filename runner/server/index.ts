export { preflight } from "./preflight";
export { ready, answering } from "./ready";
