/** Schemas that nobody thought of: the same seed makes the same statements. */
import fc from "fast-check";

/** Chooses by chance; one draws from it what the statements differ in. */
interface Choice {
  readonly one: <T>(values: readonly T[]) => T;
  readonly often: (percent: number) => boolean;
  readonly count: (min: number, max: number) => number;
}

interface Column {
  readonly name: string;
  readonly type: string;
  /** An expression of `g`, the number of a row. */
  readonly value: string;
}

interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly partitioned: boolean;
}

export interface RandomSchema {
  /** One by one, because a few may be refused by the server: that is part of the chance. */
  readonly statements: readonly string[];
}

const schemas = ["public", "nl", '"Es 2020"'] as const;

/** Where the objects are; PostGIS may have a schema of its own. */
export const randomSchemas = [...schemas, "gis"];
const roles = ["pgb_random_owner", "pgb_random_reader"] as const;
const prefix = ["plain", '"Upper', "\"odd '", '"a.b', '"select'];

export function randomSchema(seed: number): RandomSchema {
  const [statements = []] = fc.sample(
    fc.gen().map((draw) => {
      const choice: Choice = {
        one: <T>(values: readonly T[]) => values[draw(fc.nat, { max: values.length - 1 })] as T,
        often: (percent) => draw(fc.nat, { max: 99 }) < percent,
        count: (min, max) => draw(fc.integer, { min, max }),
      };
      return statementsOf(choice);
    }),
    { seed, numRuns: 1 },
  );
  return { statements };
}

function statementsOf(choice: Choice): string[] {
  const { one, often, count } = choice;
  const statements: string[] = [];
  const add = (...more: string[]) => {
    statements.push(...more);
  };
  let names = 0;
  const newName = () => {
    const start = one(prefix);
    return `${start}_${++names}${start.startsWith('"') ? '"' : ""}`;
  };
  const inSchema = (name = newName()) => `${one(schemas)}.${name}`;

  for (const schema of schemas) add(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  for (const role of roles)
    add(`DO $$BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END$$`);
  if (often(30)) add(`ALTER SCHEMA nl OWNER TO ${roles[0]}`, `GRANT USAGE ON SCHEMA nl TO ${roles[1]}`);
  if (often(20)) add("COMMENT ON SCHEMA nl IS 'the Netherlands'");
  const gis = one(["public", "gis"]);
  add(
    "CREATE SCHEMA IF NOT EXISTS gis",
    `CREATE EXTENSION IF NOT EXISTS postgis SCHEMA ${gis}`,
    `CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA ${one(["public", "nl"])}`,
  );
  if (often(50)) add(`CREATE EXTENSION IF NOT EXISTS citext SCHEMA ${one(["public", "nl"])}`);
  add(
    `DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = "$user", public, gis, nl', current_database()); END$$`,
  );
  add('SET search_path = "$user", public, gis, nl');
  if (often(20))
    add(
      `DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET DateStyle = ''SQL, DMY''', current_database()); END$$`,
    );

  // Types and functions before the tables.
  const types: Column[] = [
    { name: "", type: "integer", value: "g % 50" },
    { name: "", type: "bigint", value: "g * 10000000000" },
    { name: "", type: "text", value: "'t' || g" },
    { name: "", type: "varchar(20)", value: "'v' || g % 7" },
    { name: "", type: "numeric(12,3)", value: "g / 7.0" },
    { name: "", type: "double precision", value: "g / 3.0" },
    { name: "", type: "date", value: "date '2020-01-01' + g" },
    { name: "", type: "timestamptz", value: "timestamptz '2020-01-01 00:00+00' + g * interval '1 hour'" },
    { name: "", type: "boolean", value: "g % 2 = 0" },
    { name: "", type: "jsonb", value: "jsonb_build_object('g', g)" },
    { name: "", type: "bytea", value: "decode(md5(g::text), 'hex')" },
    { name: "", type: "integer[]", value: "ARRAY[g, g + 1]" },
    { name: "", type: "daterange", value: "daterange(date '2020-01-01' + g, date '2020-01-03' + g)" },
    { name: "", type: "interval", value: "g * interval '1 day'" },
    { name: "", type: `${gis}.geometry(Point,4326)`, value: "ST_SetSRID(ST_MakePoint(g, g), 4326)" },
    { name: "", type: `${gis}.geometry`, value: "ST_Buffer(ST_MakePoint(g, g), 1)" },
  ];
  for (let n = count(0, 2); n > 0; n--) {
    const name = inSchema();
    add(`CREATE TYPE ${name} AS ENUM ('one', 'it''s two', 'Three')`);
    if (often(40)) add(`COMMENT ON TYPE ${name} IS 'how it is'`);
    if (often(30)) add(`ALTER TYPE ${name} OWNER TO ${roles[0]}`);
    types.push({ name: "", type: name, value: `(ARRAY['one', 'it''s two'])[1 + g % 2]::${name}` });
  }
  for (let n = count(0, 2); n > 0; n--) {
    const name = inSchema();
    add(`CREATE TYPE ${name} AS (x integer, y text)`);
    types.push({ name: "", type: name, value: `ROW(g, 'y')::${name}` });
  }
  const checked: string[] = [];
  for (let n = count(1, 3); n > 0; n--) {
    const name = inSchema();
    const body = one([
      `LANGUAGE sql IMMUTABLE AS 'SELECT $1 >= 0'`,
      `LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 >= 0; END'`,
      // PostGIS by its bare name, as most people write it.
      `LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN ST_X(ST_MakePoint($1, 0)) >= 0; END'`,
      `LANGUAGE sql IMMUTABLE AS 'SELECT ST_X(ST_MakePoint($1, 0)) >= 0'`,
      `LANGUAGE sql IMMUTABLE SET search_path = public, gis AS 'SELECT $1 >= 0'`,
      `LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT $1 >= 0; END`,
    ]);
    add(`CREATE FUNCTION ${name}(integer) RETURNS boolean ${body}`);
    if (often(30))
      add(`REVOKE ALL ON FUNCTION ${name} FROM PUBLIC`, `GRANT EXECUTE ON FUNCTION ${name} TO ${roles[1]}`);
    if (often(30)) add(`COMMENT ON FUNCTION ${name} IS 'checks'`);
    if (often(20)) add(`ALTER FUNCTION ${name} OWNER TO ${roles[0]}`);
    checked.push(name);
  }
  for (let n = count(0, 2); n > 0; n--) {
    const name = inSchema();
    const check = one([`CHECK (${one(checked)}(VALUE))`, "CHECK (VALUE < 1000000)", "NOT NULL", ""]);
    add(`CREATE DOMAIN ${name} AS integer ${check}`);
    types.push({ name: "", type: name, value: "g % 40" });
  }
  const sequences: string[] = [];
  for (let n = count(0, 2); n > 0; n--) {
    const name = inSchema();
    add(`CREATE SEQUENCE ${name} ${one(["START 100", "INCREMENT -1 MAXVALUE 5", "AS smallint CYCLE"])}`);
    if (often(60)) add(`SELECT nextval('${name.replaceAll("'", "''")}')`);
    sequences.push(name);
  }
  const trigger = inSchema();
  add(`CREATE FUNCTION ${trigger}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`);

  const tables: Table[] = [];
  for (let n = count(2, 6); n > 0; n--) {
    const name = inSchema();
    const columns = Array.from({ length: count(1, 5) }, (): Column => ({ ...one(types), name: newName() }));
    const partitioned = often(25);
    const parent = one(
      tables.filter((table) => !table.partitioned).concat({ name: "", columns: [], partitioned: false }),
    );
    const inherits = !partitioned && often(15) && parent.name !== "";
    const lines = [
      `id integer ${one(["NOT NULL", "DEFAULT 7 NOT NULL", ...(partitioned ? [] : ["GENERATED BY DEFAULT AS IDENTITY"]), ...sequences.map((sequence) => `DEFAULT nextval('${sequence.replaceAll("'", "''")}') NOT NULL`)])}`,
      ...columns.map(
        ({ name: column, type }) =>
          `${column} ${type}${often(15) ? ` CONSTRAINT ${newName()} NOT NULL` : ""}`,
      ),
      ...(often(40) ? [`CONSTRAINT ${newName()} CHECK (${one(checked)}(id))`] : []),
      ...(often(25) ? [`${newName()} boolean GENERATED ALWAYS AS (${one(checked)}(id)) STORED`] : []),
      ...(often(20) ? [`CHECK (id < 100000 AND date '2020-01-31' < date '2021-01-31')`] : []),
    ];
    const how = one(["", "", "", "UNLOGGED "]);
    add(
      partitioned
        ? `CREATE TABLE ${name} (${lines.join(", ")}) PARTITION BY ${one(["RANGE (id)", "LIST (id)", "HASH (id)"])}`
        : `CREATE ${how}TABLE ${name} (${lines.join(", ")})${inherits ? ` INHERITS (${parent.name})` : ""}${often(15) ? " WITH (fillfactor = 70)" : ""}`,
    );
    if (partitioned) add(...partitionsOf(name, inSchema, choice));
    const value = columns.map((column) => column.value);
    const into = ["id", ...columns.map((column) => column.name)].join(", ");
    add(
      `INSERT INTO ${name} (${into}) SELECT ${["g", ...value].join(", ")} FROM generate_series(1, ${count(0, 60)}) g`,
    );
    tables.push({ name, columns, partitioned });
  }
  for (const table of tables) {
    const { name, columns } = table;
    const column = one(columns).name;
    const keyed = often(60);
    if (keyed)
      add(
        `ALTER TABLE ${name} ADD ${often(50) ? `CONSTRAINT ${newName()} ` : ""}${one(["PRIMARY KEY", "UNIQUE"])} (id)`,
      );
    const other = one(tables);
    if (often(50))
      add(
        `ALTER TABLE ${name} ADD ${often(30) ? `CONSTRAINT ${newName()} ` : ""}FOREIGN KEY (id) REFERENCES ${other.name} (id)${one(["", " ON DELETE CASCADE", " DEFERRABLE INITIALLY DEFERRED", " NOT VALID"])}`,
      );
    for (let n = count(0, 2); n > 0; n--)
      add(
        `CREATE INDEX ${often(40) ? newName() : ""} ON ${name} ${one([
          `(${column})`,
          `(id) WHERE id > 3`,
          `((id + 1), ${column})`,
          `USING gist (${column})`,
          `USING brin (id)`,
          `USING hash (id)`,
          `(${one(checked)}(id))`,
          `(id DESC NULLS LAST) INCLUDE (${column})`,
        ])}`,
      );
    if (often(25))
      add(`CREATE FUNCTION ${newName()}(${name}) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.id'`);
    if (often(20)) {
      const rows = inSchema();
      add(
        `CREATE FUNCTION ${rows}(${name}) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.id'`,
        one([
          `CREATE INDEX ON ${name} (${rows}(${localName(name)}.*))`,
          `ALTER TABLE ${name} ADD CHECK (${rows}(${localName(name)}.*) > -5)`,
          `CREATE POLICY ${newName()} ON ${name} USING (${rows}(${localName(name)}.*) > 0)`,
        ]),
      );
    }
    if (often(20))
      add(
        `CREATE POLICY ${newName()} ON ${name} FOR SELECT TO ${roles[1]} USING (${one(checked)}(id)${often(40) ? ` AND id IN (SELECT id FROM ${other.name})` : ""})`,
        `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`,
      );
    if (often(25))
      add(
        `CREATE TRIGGER ${newName()} ${one(["BEFORE", "AFTER"])} INSERT OR UPDATE ON ${name} FOR EACH ROW ${often(40) && !table.partitioned ? "WHEN (NEW.id > 3) " : ""}EXECUTE FUNCTION ${trigger}()`,
      );
    if (often(10)) add(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
    if (often(12) && !table.partitioned)
      add(
        `CREATE RULE ${newName()} AS ON ${one(["UPDATE", "DELETE"])} TO ${name} WHERE OLD.id < 0 DO INSTEAD NOTHING`,
      );
    if (often(20)) add(`CREATE STATISTICS ${inSchema()} ON id, ${column} FROM ${name}`);
    if (often(25))
      add(`COMMENT ON TABLE ${name} IS ${one(["'a table'", "E'two\\nlines; \\\\\\\\.'", "'it''s'"])}`);
    if (often(20)) add(`COMMENT ON COLUMN ${name}.${column} IS 'a column'`);
    if (often(30))
      add(
        `GRANT ${one(["SELECT", "ALL", "SELECT (id), UPDATE (id)"])} ON ${name} TO ${one([roles[1], "PUBLIC"])}`,
      );
    if (often(25)) add(`ALTER TABLE ${name} OWNER TO ${roles[0]}`);
    if (often(10)) add(`ALTER TABLE ${name} REPLICA IDENTITY FULL`);
    if (often(10)) add(`ALTER TABLE ${name} ALTER COLUMN ${column} SET STATISTICS 50`);
    if (often(10)) add(`ALTER TABLE ${name} DROP COLUMN ${column} CASCADE`);
    if (often(10)) add(`ALTER TABLE ${name} ADD COLUMN ${newName()} integer DEFAULT 5`);
    if (often(8)) add(`ALTER TABLE ${name} RENAME COLUMN ${column} TO ${newName()}`);
    if (often(12)) add(`CREATE TABLE ${inSchema()} (whole ${name}, many ${name}[])`);
  }
  if (often(15)) add(`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${roles[1]}`);
  return statements;
}

const localName = (name: string) => /^(?:"(?:[^"]|"")*"|[^".]+)\.(.+)$/s.exec(name)?.[1] ?? name;

/** Whichever way the table is partitioned, some of these statements fit it. */
function partitionsOf(name: string, inSchema: () => string, { often }: Choice): string[] {
  const [one, two, three] = [inSchema(), inSchema(), inSchema()];
  return [
    `CREATE TABLE ${one} PARTITION OF ${name} FOR VALUES FROM (0) TO (20)`,
    `CREATE TABLE ${one} PARTITION OF ${name} FOR VALUES IN (1, 2, 3)`,
    `CREATE TABLE ${one} PARTITION OF ${name} FOR VALUES WITH (MODULUS 2, REMAINDER 0)`,
    `CREATE TABLE ${two} PARTITION OF ${name} FOR VALUES WITH (MODULUS 2, REMAINDER 1)`,
    `CREATE TABLE ${three} (LIKE ${name} INCLUDING ALL EXCLUDING IDENTITY)`,
    ...(often(50) ? [`ALTER TABLE ${name} ATTACH PARTITION ${three} DEFAULT`] : [`DROP TABLE ${three}`]),
    ...(often(60) ? [`CREATE TABLE ${two} PARTITION OF ${name} DEFAULT`] : []),
  ];
}
