export { s3Repository } from "./s3-repository";
export { connect } from "./client";
