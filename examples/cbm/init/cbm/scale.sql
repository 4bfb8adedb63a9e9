-- Calculates the parcels and tiles for the number of signature rows: 73 scenes of 7 bands a parcel, 10,000 parcels a tile.
CREATE EXTENSION IF NOT EXISTS postgis;

DO $$
BEGIN
    IF current_setting('cbm.rows') !~ '^[1-9][0-9]{0,9}$' THEN
        RAISE EXCEPTION 'CBM_SIGNATURE_ROWS must be a whole number from 1 to 9999999999, not "%"',
            current_setting('cbm.rows');
    END IF;
END
$$;

CREATE TEMPORARY TABLE scale ON COMMIT DROP AS
SELECT signatures, parcels, (parcels + 9999) / 10000 AS tiles
FROM (
    SELECT signatures, ((signatures + 510) / 511)::int AS parcels
    FROM (SELECT current_setting('cbm.rows')::bigint AS signatures) AS asked
) AS counted;

-- Hashes instead of random(), so that a row gets the same number on every machine and in every query plan.
-- A fraction uses 21 of the 63 bits. "part" is 0, 1 or 2.
CREATE FUNCTION pg_temp.fraction(hash bigint, part int) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$ SELECT ((hash >> (part * 21)) & 2097151) / 2097152.0::double precision $$;

CREATE FUNCTION pg_temp.chance(number bigint, topic bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_temp.fraction(hashint8extended(number, topic), 0) $$;
