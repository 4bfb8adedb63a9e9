-- An observation is one parcel in one scene. It holds the values that all bands share.

-- Cloud cover of each scene that has signatures: mostly clear, broken or overcast.
CREATE TEMPORARY TABLE scene ON COMMIT DROP AS
SELECT
    id AS obsid,
    tile.tile,
    row_number() OVER (PARTITION BY tile.tile ORDER BY obstime)::int - 1 AS ordinal,
    extract(doy FROM obstime)::int AS day,
    CASE
        WHEN pg_temp.chance(id, 20) < 0.45 THEN 0.03
        WHEN pg_temp.chance(id, 20) < 0.65 THEN 0.5
        ELSE 0.97
    END AS cloud_cover
FROM dias_catalogue
JOIN tile ON tile.footprint = dias_catalogue.footprint
WHERE card = 's2';

-- NDVI of each crop on each day with a scene, interpolated between the middles of the months.
CREATE TEMPORARY TABLE season ON COMMIT DROP AS
SELECT
    cropcode, day,
    ndvi[month] + (ndvi[month % 12 + 1] - ndvi[month]) * (months - floor(months)) AS ndvi
FROM crop
CROSS JOIN (SELECT DISTINCT day, (day + 350) % 366 / 30.5::double precision AS months FROM scene) AS days,
    LATERAL (SELECT floor(months)::int % 12 + 1 AS month) AS knots;

ANALYZE scene;
ANALYZE season;
ANALYZE parcel_set;

-- Pixels of 10 m. "vigour" makes a parcel greener or poorer than its crop for the whole year.
CREATE TEMPORARY VIEW observation AS
SELECT
    pid, obsid, ordinal, pixels, cloudy, incomplete, number,
    CASE
        WHEN cloudy THEN 0.30 * u * u - 0.02
        ELSE greatest(0.05, least(0.93, ndvi * vigour + 0.06 * (u - 0.5)))
    END AS ndvi
FROM (
    SELECT
        ogc_fid AS pid, obsid, ordinal, pixels, vigour, ndvi, number,
        pg_temp.fraction(hash, 0) < cloud_cover AS cloudy,
        pg_temp.fraction(hash, 1) < 0.017 AS incomplete,
        pg_temp.fraction(hash, 2) AS u
    FROM (
        SELECT
            ogc_fid, cropcode, (ogc_fid - 1) / 10000 AS tile,
            greatest(1, round(area * 100))::real AS pixels,
            0.82 + 0.36 * pg_temp.chance(ogc_fid, 30) AS vigour
        FROM parcel_set
        OFFSET 0
    ) AS parcel
    JOIN scene USING (tile)
    JOIN season USING (cropcode, day),
        LATERAL (SELECT ogc_fid::bigint * 366 + day AS number) AS numbered,
        LATERAL (SELECT hashint8extended(number, 31) AS hash OFFSET 0) AS drawn
) AS seen
-- Scene by scene, as the extraction works, so that rows have the same order on every machine.
ORDER BY obsid, pid;
