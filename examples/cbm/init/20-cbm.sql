-- Creates the sample tables. CBM_SIGNATURE_ROWS is the number of signature rows.
\set ON_ERROR_STOP on
\set QUIET on
\set rows `echo "${CBM_SIGNATURE_ROWS:-2000000}"`

SET client_min_messages = warning;
-- A container has 64 MB of shared memory by default, too little for parallel joins and vacuums.
SET max_parallel_workers_per_gather = 0;
SET maintenance_work_mem = '256MB';
SET work_mem = '64MB';
SET cbm.rows = :'rows';

-- One transaction, so that a failure leaves no incomplete sample.
BEGIN;
\ir cbm/scale.sql
\ir cbm/tables.sql
\ir cbm/catalogue.sql
\ir cbm/parcels.sql
\ir cbm/observations.sql
\echo loading :rows signatures
\ir cbm/signatures.sql
\ir cbm/histograms.sql
\echo building indexes
\ir cbm/indexes.sql
COMMIT;

SET max_parallel_maintenance_workers = 0;
VACUUM (ANALYZE) dias_catalogue, aois, parcel_set, "roi2020_S2_signatures", "roi2020_S2_hists";
