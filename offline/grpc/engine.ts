import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

/** Shows one line in the status column of a resource while an operation on it runs. */
export type StatusLog = (urn: string, message: string) => Promise<void>;

/** Connects to the engine that started this plugin. */
export function statusLog(engineAddress: string): StatusLog {
  const client = new EngineClient(engineAddress, credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  return (urn, message) =>
    new Promise((resolve, reject) => {
      const request = new LogRequest();
      request.setSeverity(LogSeverity.INFO);
      request.setUrn(urn);
      request.setMessage(message);
      request.setEphemeral(true);
      client.log(request, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
}
