declare module "pg/lib/utils" {
  export { escapeIdentifier, escapeLiteral } from "pg";
}
