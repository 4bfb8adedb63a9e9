-- One of each kind of object that a database can have, besides tables of all kinds.
CREATE ROLE editor; CREATE ROLE reader; CREATE ROLE "odd role"; CREATE ROLE owner_of_all;
GRANT reader TO editor;

CREATE SCHEMA app AUTHORIZATION owner_of_all;
CREATE SCHEMA "Odd Schema";
GRANT USAGE ON SCHEMA app TO reader;
COMMENT ON SCHEMA app IS 'the application''s own';
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION hstore SCHEMA app;
CREATE EXTENSION btree_gist;

CREATE TYPE app.status AS ENUM ('new', 'checked', 'done');
ALTER TYPE app.status ADD VALUE 'odd''one' BEFORE 'done';
CREATE TYPE app.pair AS (a int, b text);
CREATE DOMAIN app.percent AS numeric(5,2) DEFAULT 0 CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE app.span AS RANGE (subtype = numeric);

CREATE FUNCTION app.half(x numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT x / 2';
CREATE FUNCTION app.secret() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$BEGIN RETURN current_user; END$$;
REVOKE ALL ON FUNCTION app.secret() FROM PUBLIC; GRANT EXECUTE ON FUNCTION app.secret() TO reader;
CREATE PROCEDURE app.nothing() LANGUAGE plpgsql AS $$BEGIN NULL; END$$;
CREATE AGGREGATE app.total (numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0');
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.changed := '2020-01-01'; RETURN NEW; END$$;
CREATE FUNCTION app.no_drop() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN NULL; END$$;

CREATE TABLE app.parcels (
  id serial PRIMARY KEY, code text NOT NULL COLLATE "C", kind varchar(20) DEFAULT 'arable' CHECK (kind IN ('arable', 'grass')), status app.status,
  share app.percent, changed timestamptz, tags app.hstore, doc oid, geom geometry(Polygon, 3035),
  area float8 GENERATED ALWAYS AS (st_area(geom)) STORED, EXCLUDE USING gist (geom WITH &&) WHERE (code = 'exclusive'));
INSERT INTO app.parcels (code, status, share, tags, geom)
  SELECT 'p' || i, 'checked', i % 100, app.hstore('k', i::text), st_translate(st_geomfromtext('POLYGON((0 0,0 9,9 9,9 0,0 0))', 3035), i * 10, 0) FROM generate_series(1, 500) i;
CREATE INDEX parcels_geom ON app.parcels USING gist (geom);
CREATE INDEX parcels_half ON app.parcels (app.half(share)) WHERE kind <> 'grass';
ALTER TABLE app.parcels CLUSTER ON parcels_pkey;
ALTER TABLE app.parcels ALTER code SET STATISTICS 500, ALTER geom SET STORAGE EXTERNAL, SET (fillfactor = 80);
CREATE STATISTICS app.parcels_kinds (dependencies) ON kind, code FROM app.parcels;
CREATE TRIGGER touch BEFORE UPDATE ON app.parcels FOR EACH ROW WHEN (OLD.code <> NEW.code) EXECUTE FUNCTION app.touch();
ALTER TABLE app.parcels DISABLE TRIGGER touch;
ALTER TABLE app.parcels ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.parcels FOR SELECT TO reader, "odd role" USING (code LIKE 'p%');
CREATE RULE quiet AS ON DELETE TO app.parcels WHERE OLD.code = 'keep' DO INSTEAD NOTHING;
ALTER TABLE app.parcels OWNER TO owner_of_all;
GRANT SELECT ON app.parcels TO reader; GRANT UPDATE (code, kind) ON app.parcels TO editor WITH GRANT OPTION;
COMMENT ON COLUMN app.parcels.code IS 'of the farmer';

CREATE TABLE app.years (year int NOT NULL, parcel int REFERENCES app.parcels, crop text) PARTITION BY RANGE (year);
CREATE TABLE app.years_2020 PARTITION OF app.years FOR VALUES FROM (2020) TO (2021);
CREATE TABLE app.years_2021 PARTITION OF app.years FOR VALUES FROM (2021) TO (2022) PARTITION BY LIST (crop);
CREATE TABLE app.years_2021_rest PARTITION OF app.years_2021 DEFAULT;
CREATE INDEX years_crop ON app.years (crop);
INSERT INTO app.years SELECT 2020 + i % 2, i, 'wheat' FROM generate_series(1, 400) i;
CREATE TABLE base (id int PRIMARY KEY, note text); CREATE TABLE heir (more text) INHERITS (base);
INSERT INTO base VALUES (1, 'a'); INSERT INTO heir VALUES (2, 'b', 'c');
CREATE UNLOGGED TABLE "Odd Schema"."Odd ""Table""" ("Odd; Column" text); INSERT INTO "Odd Schema"."Odd ""Table""" VALUES (E'x\ty');
CREATE TABLE empty (LIKE base INCLUDING ALL);

CREATE VIEW app.arable AS SELECT id, code, st_centroid(geom) AS middle FROM app.parcels WHERE kind IN ('arable', 'grass') ORDER BY id;
CREATE VIEW app.of_view WITH (security_barrier) AS SELECT count(*) FROM app.arable;
GRANT SELECT ON app.arable TO reader;
CREATE MATERIALIZED VIEW app.filled AS SELECT kind, count(*), st_extent(geom)::text AS extent FROM app.parcels GROUP BY kind;
CREATE UNIQUE INDEX ON app.filled (kind);
CREATE MATERIALIZED VIEW app.unfilled AS SELECT * FROM base WITH NO DATA;
CREATE SEQUENCE app.numbers START 5 INCREMENT 3 CYCLE MAXVALUE 100; SELECT nextval('app.numbers'), nextval('app.numbers');

SELECT lo_from_bytea(4711, '\x00ff10'), lo_from_bytea(4712, decode(repeat('ab', 300000), 'hex')), lo_create(4713);
UPDATE app.parcels SET doc = 4711 WHERE id = 1;
ALTER LARGE OBJECT 4711 OWNER TO editor; GRANT SELECT ON LARGE OBJECT 4712 TO reader;

CREATE PUBLICATION changes FOR TABLE app.parcels WITH (publish = 'insert, update');
CREATE EVENT TRIGGER no_drop ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION app.no_drop();
ALTER EVENT TRIGGER no_drop DISABLE;
ALTER DEFAULT PRIVILEGES FOR ROLE owner_of_all IN SCHEMA app GRANT SELECT ON TABLES TO reader;
CREATE COLLATION app.german (provider = icu, locale = 'de');
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple);
CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'far.example');
CREATE USER MAPPING FOR reader SERVER far OPTIONS (user 'r');
CREATE FOREIGN TABLE app.far_table (id int) SERVER far OPTIONS (name 't');
CREATE OPERATOR app.=~= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE CAST (app.pair AS text) WITH INOUT;
INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) VALUES (990001, 'own', 1, 'LOCAL_CS["x"]', '');
