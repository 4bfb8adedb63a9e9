/** What a program says of a component holds for its children, and they can be reached. */
import assert from "node:assert/strict";
import * as aws from "@pulumi/aws";
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as components from "../../../components";
import { settled, startMocks } from "./mocks";

const connection = { container: "pg" };
const job = (source: components.AgentSourceArgs) => ({
  ...{ name: "cbm", source, tables: ["a"], schedule: "@daily" },
});
const declared: Readonly<
  Record<string, (opts?: pulumi.ComponentResourceOptions) => pulumi.ComponentResource>
> = {
  PostgisContainer: (opts) =>
    new components.PostgisContainer(
      "it",
      { password: "p", standby: true, restoreFrom: "./backups/cbm/latest", keepData: false },
      opts,
    ),
  TableBackup: (opts) =>
    new components.TableBackup("it", { connection, tables: ["a"], repository: "./backups" }, opts),
  TableRestore: (opts) =>
    new components.TableRestore("it", { connection, location: "./backups/cbm/latest" }, opts),
  DatabaseBackup: (opts) =>
    new components.DatabaseBackup("it", { connection, repository: "./backups" }, opts),
  DatabaseRestore: (opts) =>
    new components.DatabaseRestore("it", { connection, location: "./backups/gis/latest" }, opts),
  Migration: (opts) =>
    new components.Migration(
      "it",
      { from: connection, to: { container: "new" }, repository: "./backups", oldServer: "remove" },
      opts,
    ),
  BackupBucket: (opts) =>
    new components.BackupBucket("it", { keepBucket: false, objectLock: { days: 1 } }, opts),
  BackupAgent: (opts) =>
    new components.BackupAgent("it", { image: "agent", repository: "/srv", jobs: [job(connection)] }, opts),
  "BackupAgent on a swarm": (opts) => {
    const args = { image: "agent", repository: "/srv", jobs: [job({ service: "pg" })], secrets: { pg: "p" } };
    return new components.BackupAgent("it", { ...args, mode: "swarm" }, opts);
  },
};
/** The children that each has as properties, by the ends of their names. */
const children: Readonly<Record<string, readonly string[]>> = {
  PostgisContainer: ["container", "preflight", "ready", "restore", "standby", "volume"],
  TableBackup: ["backup"],
  TableRestore: ["restore"],
  DatabaseBackup: ["backup"],
  DatabaseRestore: ["restore"],
  Migration: ["migrate", "remove-old"],
  BackupBucket: [
    "bucket",
    "encryption",
    "lifecycle",
    "object-lock",
    "ownership-controls",
    "policy",
    "public-access-block",
    "versioning",
  ],
  BackupAgent: ["container", "ready"],
  "BackupAgent on a swarm": ["configuration", "ready", "secret-pg", "service"],
};
interface Child {
  readonly name: string;
  readonly opts: pulumi.CustomResourceOptions;
  readonly resource: pulumi.Resource;
}
const nameOf = (resource: unknown) => (resource as { __name: string }).__name;

/** The resources that a value has as properties, at any depth. */
function resourcesIn(value: object): pulumi.Resource[] {
  return Object.entries(value).flatMap(([name, one]: [string, unknown]) => {
    if (name.startsWith("__") || pulumi.Output.isInstance(one)) return [];
    if (pulumi.Resource.isInstance(one)) return [one];
    return typeof one === "object" && one !== null ? resourcesIn(one) : [];
  });
}

for (const [component, declare] of Object.entries(declared)) {
  describe(`the children of a ${component}`, () => {
    const names = children[component] ?? [];
    /** Declares it, with these options. */
    async function childrenWith(make: () => pulumi.ComponentResourceOptions): Promise<Child[]> {
      const found: Child[] = [];
      await startMocks({ stdout: "" });
      const transformation: pulumi.ResourceTransformation = ({ name, opts, resource }) => {
        if (name !== "it") found.push({ name, opts, resource });
        return undefined;
      };
      declare({ ...make(), transformations: [transformation] });
      await settled().catch(() => undefined);
      return found;
    }
    const values = (found: readonly Child[], of: (child: Child) => unknown) =>
      Object.fromEntries(found.map((child) => [child.name, of(child)]));
    const all = (value: unknown) => Object.fromEntries(names.map((name) => [`it-${name}`, value]));

    it("are public properties, named after the component", async () => {
      await startMocks({ stdout: "" });
      const made = resourcesIn(declare());
      await settled().catch(() => undefined);
      assert.deepEqual(
        made.map(nameOf).toSorted(),
        names.map((name) => `it-${name}`),
      );
    });

    it("are protected with the component, and else only where that is asked for", async () => {
      const isProtected = ({ resource }: Child) =>
        (resource as unknown as { __protect?: boolean }).__protect ?? false;
      const found = await childrenWith(() => ({ protect: true }));
      assert.deepEqual(values(found, isProtected), all(true));
      assert.deepEqual(values(await childrenWith(() => ({})), isProtected), all(false));
    });

    // The engine gives the component's transforms and aliases to whatever has it as its parent.
    it("have the component as their parent, and are transformed with it", async () => {
      const found = await childrenWith(() => ({}));
      assert.deepEqual(
        values(found, ({ opts }) => opts.parent && nameOf(opts.parent)),
        all("it"),
      );
    });

    it("use the component's providers", async () => {
      const providers = () => [
        new docker.Provider("given", {}),
        new command.Provider("given", {}),
        new aws.Provider("given", {}),
      ];
      const found = await childrenWith(() => ({ providers: providers() }));
      const providerOf = ({ resource }: Child) => {
        const { __prov } = resource as unknown as { __prov?: pulumi.ProviderResource };
        return __prov && nameOf(__prov);
      };
      assert.deepEqual(values(found, providerOf), all("given"));
    });

    it("wait for what the component depends on", async () => {
      const found = await childrenWith(() => ({
        dependsOn: new command.local.Command("before", { create: "true" }),
      }));
      const waits = ({ opts }: Child) =>
        [opts.dependsOn].flat(2).some((one) => pulumi.Resource.isInstance(one) && nameOf(one) === "before");
      assert.deepEqual(values(found, waits), all(true));
    });
  });
}
