import assert from "node:assert/strict";
import type { Inspection } from "../../../runner/docker/container";
import {
  type DatabaseObject,
  type Dependency,
  itemsOf,
  parseIdentity,
} from "../../../runner/migrate/inventory/objects";
import { packTables, unpackTables, restartPolicy } from "../../../runner/migrate/record";
import { hasData } from "../../../runner/migrate/resume";
import { dataPlace } from "../../../runner/migrate/servers";
import {
  item,
  acceptedInWords,
  checkAcceptance,
  checkLeftBehind,
  notAccepted,
  missingItems,
  notBrought,
} from "../../../runner/migrate/inventory/items";

function inspection(more: object): Inspection {
  return {
    ...{ Id: "id", Name: "/pg", Config: { Env: [] }, Mounts: [] },
    ...{ State: { Running: false, StartedAt: "1" }, NetworkSettings: { Networks: {} } },
    ...more,
  } as unknown as Inspection;
}

describe("the items of two servers", () => {
  it("are missing where the new one has none, or another, and it is neither brought nor a default", () => {
    const old = [
      item("view", "a"),
      item("view", "b"),
      item("setting", "c", { detail: "1" }),
      item("setting", "d", { detail: "1" }),
      item("table", "e", { brought: true }),
      item("server setting", "f", { byDefault: true }),
    ];
    const fresh = [
      item("view", "b"),
      item("setting", "c", { detail: "2" }),
      item("setting", "d", { detail: "1" }),
    ];
    assert.deepEqual(
      missingItems(old, fresh).map(({ name }) => name),
      ["a", "c"],
    );
    assert.deepEqual(
      notBrought(old, fresh, { alike: false }).map(({ name }) => name),
      ["e"],
    );
  });

  it("are not named beside what they belong to", () => {
    const old = [item("role", "a"), item("password of role", "a", { of: "role a" })];
    assert.deepEqual(
      missingItems(old, []).map(({ kind }) => kind),
      ["role"],
    );
    assert.deepEqual(
      missingItems(old, [item("role", "a")]).map(({ kind }) => kind),
      ["password of role"],
    );
  });
});

describe("the objects of a database", () => {
  const object = (catalog: string, id: string, more: Partial<DatabaseObject> = {}): DatabaseObject => ({
    ...{ catalog, id, type: catalog.slice(3), schema: null, identity: id, relkind: null, detail: null },
    ...more,
  });
  const table = object("pg_class", "1259 1", {
    type: "table",
    schema: "public",
    identity: "public.t",
    relkind: "r",
  });
  const brought = {
    has: ({ id }: { id: string }) => id === table.id,
    excludes: () => false,
    requires: { extensions: [] } as never,
    ...{ schemas: new Set<string>(), roles: [], whole: false, restoresRoles: false },
  };
  const names = (objects: readonly DatabaseObject[], dependencies: readonly Dependency[]) =>
    itemsOf(objects, dependencies, brought).map(
      ({ kind, name, brought: comes }) => `${kind} ${name} ${String(comes)}`,
    );

  it("come along as parts of a table, but no publication or foreign table does", () => {
    const index = object("pg_class", "1259 2", { relkind: "i" });
    const statistics = object("pg_statistic_ext", "3381 3");
    const published = object("pg_publication_rel", "6106 4");
    const foreign = object("pg_class", "1259 5", { relkind: "f" });
    const parts = [index, statistics, published, foreign];
    const dependencies = parts.map(({ id }) => ({ id, on: table.id, type: "a" }));
    assert.deepEqual(names([table, ...parts], dependencies), [
      "table public.t true",
      "class 1259 2 true",
      "statistic_ext 3381 3 true",
      "publication_rel 6106 4 false",
      "class 1259 5 false",
    ]);
  });

  it("are not those of extensions, temporary ones, or what the server makes of another object", () => {
    const extension = object("pg_proc", "1255 1");
    const temporary = object("pg_class", "1259 6", { schema: "pg_temp_3", relkind: "r" });
    const rowType = object("pg_type", "1247 1");
    const dependencies = [
      { id: extension.id, on: "3079 1", type: "e" },
      { id: rowType.id, on: table.id, type: "i" },
    ];
    assert.deepEqual(names([table, extension, temporary, rowType], dependencies), ["table public.t true"]);
  });

  it("have names of any characters", () => {
    assert.deepEqual(parseIdentity('public."a.b""c"'), ["public", 'a.b"c']);
  });
});

describe("what is accepted to stay behind", () => {
  const missing = [
    item("view", "public.a", { within: "schema public" }),
    item("function", "tools.f(integer)", { within: "schema tools" }),
    item("database", "gis"),
    item("table", "public.x", { excluded: true }),
  ];
  const rest = (...leaveBehind: string[]) =>
    notAccepted(missing, { leaveBehind, excludeDatabases: [] }).map(({ name }) => name);

  it("is named exactly, by a pattern of its kind, or with its schema", () => {
    assert.deepEqual(rest(), ["public.a", "tools.f(integer)", "gis"]);
    assert.deepEqual(rest("view public.a"), ["tools.f(integer)", "gis"]);
    assert.deepEqual(rest("view public.*", "schema tools"), ["gis"]);
    assert.deepEqual(rest("view publicXa", "table public.a"), ["public.a", "tools.f(integer)", "gis"]);
    assert.deepEqual(
      notAccepted(missing, { leaveBehind: [], excludeDatabases: ["gis"] }).map(({ name }) => name),
      ["public.a", "tools.f(integer)"],
    );
  });

  it("is not everything at once", () => {
    for (const text of ["*", "* public.a", "v*", "view"])
      assert.throws(() => {
        checkAcceptance({ leaveBehind: [text] });
      }, /does not name/);
    checkAcceptance({ leaveBehind: ["view *", "server setting *"] });
  });

  it("is listed in few words where there are thousands", () => {
    const many = Array.from({ length: 5000 }, (_, n) => item("function", `tools.f${n}()`));
    assert.throws(
      () => {
        checkLeftBehind([...many, item("view", "public.a")], { all: false });
      },
      ({ message }: Error) => {
        assert.ok(Buffer.byteLength(message) < 4_000, message);
        assert.match(message, /and \d+ more of the kind, all of which are "function \*"/);
        assert.match(message, /"view public\.a"/);
        return true;
      },
    );
    assert.ok(Buffer.byteLength(acceptedInWords(many).join("")) < 1_000);
    assert.deepEqual(acceptedInWords([]), []);
  });
});

describe("who has the data after a migration was killed", () => {
  const record = { fromStartedAt: "1", to: "new", toStartedAt: "5" };
  const switching = {
    from: "old",
    restart: "always",
    networks: { bridge: [] },
    joined: ["standby"],
    system: "7",
  };
  const fresh = (startedAt: string, networks: string[], Id = "new") =>
    inspection({
      Id,
      State: { Running: true, StartedAt: startedAt },
      NetworkSettings: { Networks: Object.fromEntries(networks.map((name) => [name, {}])) },
    });
  const old = (Running: boolean, StartedAt: string) => inspection({ State: { Running, StartedAt } });
  const decide = (one: Inspection, other: Inspection | undefined) => hasData(record, switching, one, other);

  it("is the new server, where the old one was not started again", () => {
    assert.equal(decide(fresh("5", ["standby"]), old(false, "1")), true);
    assert.equal(decide(fresh("5", ["standby"]), undefined), true);
  });

  it("is the old server, where that was started again and the new one never had the port", () => {
    assert.equal(decide(fresh("5", ["standby"]), old(true, "2")), false);
    assert.equal(decide(fresh("5", ["standby", "bridge"]), old(false, "2")), false);
    // Started with the machine, not for the port.
    assert.equal(decide(fresh("6", ["standby"]), old(true, "2")), false);
  });

  it("is the new server, where clients may have written to it", () => {
    assert.equal(decide(fresh("6", ["standby", "bridge"]), old(true, "2")), true);
    assert.equal(decide(fresh("5", ["standby"], "replaced"), old(true, "2")), true);
  });
});

describe("what Docker says of a container", () => {
  it("is where its data are", () => {
    const volume = {
      Type: "volume",
      Name: "v",
      Destination: "/var/lib/postgresql/data",
      Source: "",
      RW: true,
    };
    assert.deepEqual(dataPlace(inspection({ Mounts: [volume] })), {
      key: "volume v",
      volume: "v",
      folder: "",
    });
    const outer = { ...volume, Name: "outer", Destination: "/var/lib/postgresql" };
    assert.equal(dataPlace(inspection({ Mounts: [outer, volume] })).volume, "v");
    const Config = { Env: ["PGDATA=/var/lib/postgresql/18/docker"] };
    assert.deepEqual(dataPlace(inspection({ Mounts: [outer], Config })), {
      ...{ key: "volume outer", volume: "outer", folder: "18/docker" },
    });
    const folder = { Type: "bind", Destination: "/var/lib/postgresql/data", Source: "/srv/pg", RW: true };
    assert.equal(dataPlace(inspection({ Mounts: [folder] })).volume, undefined);
    assert.equal(dataPlace(inspection({})).key, "container id");
  });

  it("is its restart policy, as docker update takes it", () => {
    const policy = (Name: string, MaximumRetryCount = 0) =>
      restartPolicy(inspection({ HostConfig: { RestartPolicy: { Name, MaximumRetryCount } } }));
    assert.deepEqual(
      [policy(""), policy("always"), policy("on-failure", 3)],
      ["no", "always", "on-failure:3"],
    );
  });

  it("is all tables of a record, as many as an argument holds", () => {
    assert.deepEqual(unpackTables(packTables(["public.a"])), ["public.a"]);
    const many = Array.from({ length: 200_000 }, (_, n) => `public.t${n * 7919}`);
    assert.ok(packTables(many).length <= 100_000);
  });
});
