import * as pulumi from "@pulumi/pulumi";

/** Addresses that mean all addresses of the host; a client on the host connects to the loopback interface instead. */
const anyAddress: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS */
export function databaseUri(parts: {
  user: pulumi.Input<string>;
  password: pulumi.Input<string>;
  hostAddress: pulumi.Input<string>;
  port: pulumi.Input<number>;
  database: pulumi.Input<string>;
}): pulumi.Output<string> {
  return pulumi.output(parts).apply(({ user, password, hostAddress, port, database }) => {
    const address = anyAddress[hostAddress] ?? hostAddress;
    const host = address.includes(":") ? `[${address}]` : address;
    const [u, p, d] = [user, password, database].map(encodeURIComponent);
    return `postgresql://${u}:${p}@${host}:${port}/${d}`;
  });
}
