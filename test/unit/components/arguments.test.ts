import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import * as components from "../../../components";
import { components as tables, type Fixture } from "../../../schema/argument-effects";
import { refusedValues } from "../../support/argument-table";
import { settled, startMocks } from "./mocks";

const fixture: Fixture = {
  image: "postgis/postgis:17-3.5",
  otherImage: "postgis/postgis:17-3.5",
  otherMajor: "postgis/postgis:16-3.4",
  container: "pg",
  folder: "/srv",
  network: "net",
  freePort: 6001,
  busyPort: 6002,
  dockerHost: "unix:///var/run/docker.sock",
  location: "/srv/cbm/latest",
  bucket: "backups",
  endpoint: "http://127.0.0.1:9000",
};

/** Right arguments, by which each of the others has a meaning. */
const bases: Record<keyof typeof tables, object> = {
  PostgisContainer: { password: "p" },
  TableBackup: {
    connection: { container: "pg" },
    tables: ["marker"],
    repository: "s3://backups",
    workDirectory: "/srv",
  },
  TableRestore: { connection: { container: "pg" }, location: "/srv/cbm/latest" },
  DatabaseBackup: { connection: { container: "pg" }, repository: "s3://backups", workDirectory: "/srv" },
  DatabaseRestore: { connection: { container: "pg" }, location: "/srv/gis/latest" },
  Migration: { from: { container: "old" }, to: { container: "new" }, repository: "/srv" },
  BackupBucket: {},
  BackupAgent: {
    image: "agent",
    repository: "/srv",
    jobs: [{ name: "cbm", source: { container: "pg" }, tables: ["marker"], schedule: "@daily" }],
  },
};
for (const component of Object.keys(tables) as (keyof typeof tables)[]) {
  describe(`a wrong value of ${component}`, () => {
    const Kind = components[component] as unknown as new (name: string, args: object) => pulumi.Resource;
    for (const { name, change, says } of refusedValues(tables[component], fixture)) {
      it(`is refused at once, with nothing declared: ${name}`, async () => {
        const registered = await startMocks();
        assert.throws(
          () => new Kind("it", { ...bases[component], ...change }),
          (error: Error) => {
            assert.match(error.message, says);
            return pulumi.ResourceError.isInstance(error);
          },
        );
        await settled();
        assert.deepEqual(
          registered.map(({ type }) => type).filter((type) => !type.startsWith("postgis-backup:")),
          [],
        );
      });
    }
  });
}
