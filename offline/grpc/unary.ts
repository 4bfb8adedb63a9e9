import { status, type handleUnaryCall, type ServiceError } from "@grpc/grpc-js";

type Failure = Pick<ServiceError, "code" | "details"> & Partial<Pick<ServiceError, "metadata">>;

function plainFailure(error: unknown): Failure {
  return { code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}

/** Turns an async function into a gRPC handler. Users see the message of an error without a stack trace. */
export function unary<Request, Response>(
  answer: (request: Request) => Response | Promise<Response>,
  toFailure: (error: unknown) => Failure = plainFailure,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => answer(call.request))
      .then(
        (response) => {
          callback(null, response);
        },
        (error: unknown) => {
          callback(toFailure(error));
        },
      );
  };
}
