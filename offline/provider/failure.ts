import { Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { PartialFailure } from "./provider";
import { toStruct } from "./value";

type Failure = Pick<ServiceError, "code" | "details" | "metadata">;

function partialDetails(error: PartialFailure): Status {
  const failed = new ErrorResourceInitFailed();
  failed.setId(error.id);
  failed.setProperties(toStruct(error.outputs));
  failed.setReasonsList([error.message]);
  const packed = new Any();
  packed.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const details = new Status();
  details.setCode(status.UNKNOWN);
  details.setMessage(error.message);
  details.addDetails(packed);
  return details;
}

/** Converts an error of a resource operation for the engine: its message, and the resource if it already exists. */
export function toFailure(error: unknown): Failure {
  const metadata = new Metadata();
  if (error instanceof PartialFailure) {
    metadata.add("grpc-status-details-bin", Buffer.from(partialDetails(error).serializeBinary()));
  }
  return {
    code: status.UNKNOWN,
    details: error instanceof Error ? error.message : String(error),
    metadata,
  };
}
