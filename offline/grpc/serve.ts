import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** Serves on a free local port and prints it, because the Pulumi engine reads the port from standard output. */
export async function serve(
  service: ServiceDefinition,
  implementation: UntypedServiceImplementation,
): Promise<void> {
  const server = new Server({
    // The engine sends a whole state in one message. The official plugins allow the same size.
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(service, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  process.stdout.write(`${String(port)}\n`);
}
