export { bucketStore } from "./s3-repository";
export { connect } from "./client";
