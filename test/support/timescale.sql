-- What a logical backup meets of timescaledb, which keeps rows of tables in others and lets none of its own in unless it is told.
CREATE SCHEMA _timescaledb_catalog;
CREATE TABLE _timescaledb_catalog.hypertable (id serial PRIMARY KEY, schema_name name, table_name name);
CREATE TABLE _timescaledb_catalog.chunk (id serial PRIMARY KEY, hypertable_id int REFERENCES _timescaledb_catalog.hypertable, schema_name name, table_name name);
SELECT pg_extension_config_dump('_timescaledb_catalog.hypertable', '');
SELECT pg_extension_config_dump('_timescaledb_catalog.hypertable_id_seq', '');
SELECT pg_extension_config_dump('_timescaledb_catalog.chunk', '');
SELECT pg_extension_config_dump('_timescaledb_catalog.chunk_id_seq', '');
GRANT USAGE ON SCHEMA _timescaledb_catalog TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA _timescaledb_catalog TO PUBLIC;

CREATE FUNCTION _timescaledb_catalog.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(current_setting('timescaledb.restoring', true), '') <> 'on' THEN RAISE 'the catalog is not to be written'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON _timescaledb_catalog.hypertable FOR EACH ROW EXECUTE FUNCTION _timescaledb_catalog.refuse();
CREATE TRIGGER refuse BEFORE INSERT ON _timescaledb_catalog.chunk FOR EACH ROW EXECUTE FUNCTION _timescaledb_catalog.refuse();

CREATE FUNCTION timescaledb_pre_restore() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER DATABASE %I SET timescaledb.restoring = ''on''', current_database());
  RETURN true;
END $$;
CREATE FUNCTION timescaledb_post_restore() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER DATABASE %I RESET timescaledb.restoring', current_database());
  RETURN true;
END $$;
