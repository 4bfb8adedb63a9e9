export { bucketStore } from "./bucket-store";
export { connect } from "./client";
