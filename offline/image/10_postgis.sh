#!/bin/bash
# Creates the same as the postgis/postgis image: a template database, and the extensions in it and in POSTGRES_DB.
set -euo pipefail
export PGUSER=$POSTGRES_USER

psql --no-psqlrc -v ON_ERROR_STOP=1 --dbname "$POSTGRES_DB" <<'SQL'
CREATE DATABASE template_postgis IS_TEMPLATE true;
SQL

for database in template_postgis "$POSTGRES_DB"; do
  echo "Loading PostGIS extensions into $database"
  psql --no-psqlrc -v ON_ERROR_STOP=1 --dbname "$database" <<'SQL'
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS postgis_topology;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;
CREATE EXTENSION IF NOT EXISTS postgis_tiger_geocoder;
SQL
done
