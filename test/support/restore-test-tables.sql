-- Tables that need all that "pg_dump --table" leaves out, and that hold what is easily lost.
CREATE ROLE "Owner"; CREATE ROLE reader; CREATE ROLE checker;
CREATE SCHEMA "App"; CREATE SCHEMA lib; CREATE SCHEMA nl;
GRANT USAGE ON SCHEMA "App" TO "Owner";

CREATE TYPE "App".mood AS ENUM ('sad', 'it''s ok');
CREATE FUNCTION lib.positive(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE DOMAIN lib.amount AS int DEFAULT 1 CHECK (lib.positive(VALUE));
CREATE TYPE lib.pair AS (amount lib.amount, mood "App".mood, at timestamptz);
CREATE TYPE lib.span AS RANGE (subtype = float8);
ALTER TYPE lib.span OWNER TO "Owner";
CREATE COLLATION lib.plain FROM "C";
CREATE FUNCTION lib.code() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'code'; END$$;
CREATE FUNCTION lib.folded(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT lower($1)$$;
CREATE FUNCTION lib.stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.stamp := 'stamped'; RETURN NEW; END$$;
CREATE FUNCTION lib.may_see(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 <> current_user';
CREATE OPERATOR lib.@@@ (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE SEQUENCE lib.shared_id START 100;

CREATE TABLE "App"."Things" (
  id int PRIMARY KEY DEFAULT nextval('lib.shared_id'),
  mood "App".mood, moods "App".mood[], amount lib.amount, pair lib.pair, span lib.span,
  code text DEFAULT lib.code() COLLATE lib.plain, stamp text, class regclass, price money, seen timestamptz,
  status varchar(8) CHECK (status IN ('new', 'old')), double int GENERATED ALWAYS AS (amount * 2) STORED,
  CONSTRAINT same CHECK (code OPERATOR(lib.@@@) code)
);
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON "App"."Things" FOR EACH ROW EXECUTE FUNCTION lib.stamp();
INSERT INTO "App"."Things" (mood, moods, amount, pair, span, class, price, seen, status)
  SELECT 'it''s ok', '{sad,"it''s ok"}', i, ROW(i, 'sad', '2020-06-01 12:00+02')::lib.pair, '[1.5,2)', '"App"."Things"', i, '2020-06-01 12:00+02', 'new'
  FROM generate_series(1, 500) i;
CREATE INDEX folded ON "App"."Things" (lib.folded(code)) WHERE status IN ('new', 'old');
ALTER TABLE "App"."Things" OWNER TO "Owner";
GRANT SELECT (id, mood) ON "App"."Things" TO reader;
ALTER TABLE "App"."Things" ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON "App"."Things" TO checker USING (lib.may_see(code));

-- A second table takes its ids from the same sequence.
CREATE TABLE others (id int DEFAULT nextval('lib.shared_id') REFERENCES "App"."Things", note text UNIQUE);
INSERT INTO others (id, note) SELECT 100 + i, E'line\nCOPY public.others (id) FROM stdin;\n\\.\n' || i FROM generate_series(1, 50) i;

CREATE TABLE nl.measures (year int, value float8) PARTITION BY RANGE (year);
CREATE TABLE nl.measures_2020 PARTITION OF nl.measures FOR VALUES FROM (2020) TO (2021);
CREATE TABLE nl.measures_rest PARTITION OF nl.measures DEFAULT;
CREATE INDEX ON nl.measures (year);
INSERT INTO nl.measures SELECT 2019 + i % 3, i / 7.0 FROM generate_series(1, 900) i;

-- Its columns come back in another order than they have here.
CREATE TABLE base (a int, b text);
CREATE TABLE heir (c int, b text, a int);
ALTER TABLE heir INHERIT base;
INSERT INTO heir VALUES (3, 'b', 1);

INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
  SELECT 990001, 'it''s\me', 990001, srtext, proj4text FROM spatial_ref_sys WHERE srid = 3035;
CREATE TABLE parcels (id serial, shape geometry(Polygon, 990001), at geography,
  CONSTRAINT projects CHECK (ST_SRID(ST_Transform(shape, 4326)) = 4326));
INSERT INTO parcels (shape, at)
  SELECT ST_SetSRID(CASE WHEN i % 4 = 0 THEN 'POLYGON((0 0,10 10,10 0,0 10,0 0))'::geometry ELSE ST_MakeEnvelope(4321000, 3210000, 4321000 + i, 3210010) END, 990001), 'POINT(1 2)'
  FROM generate_series(1, 200) i;
CREATE INDEX ON parcels USING gist (shape);
