-- Tiles of 100 km, seven in a row, in the projection of the parcels.
CREATE TEMPORARY TABLE tile ON COMMIT DROP AS
SELECT
    tile,
    'T30T' || substr(letters, tile / 24 % 24 + 1, 1) || substr(letters, tile % 24 + 1, 1) AS name,
    2850000 + 100000 * (tile % 7) AS east,
    1750000 + 100000 * (tile / 7) AS north
FROM (SELECT generate_series(0, tiles - 1) AS tile FROM scale) AS tiles,
    (SELECT 'ABCDEFGHJKLMNPQRSTUVWXYZ'::text AS letters) AS alphabet;

ALTER TABLE tile ADD footprint geometry(Polygon, 4326);

-- Neighbouring tiles overlap by 10 km. PROJ versions round differently, so coordinates snap to a millionth of a degree.
UPDATE tile SET footprint = ST_SnapToGrid(
    ST_Transform(ST_MakeEnvelope(east - 4900, north - 4900, east + 104900, north + 104900, 3035), 4326),
    0.000001
);

INSERT INTO aois (name, footprint) SELECT 'roi2020_' || name, footprint FROM tile ORDER BY tile;

-- Optical scenes every 5 days and radar scenes every 6 days of 2020. Only the optical ones have signatures.
INSERT INTO dias_catalogue (obstime, reference, sensor, card, status, footprint)
SELECT
    obstime,
    CASE card
        WHEN 's2' THEN format('S2%s_MSIL2A_%s_N0213_R094_%s_%s', satellite, stamp, name, stamp)
        ELSE format('S1%s_IW_GRDH_1SDV_%s_%s_%s', satellite, stamp, name, upper(substr(md5(stamp || name), 1, 4)))
    END,
    CASE card WHEN 's2' THEN '2' ELSE '1' END || satellite,
    card,
    CASE card WHEN 's2' THEN 'extracted' ELSE 'ingested' END,
    footprint
FROM (
    SELECT *, to_char(obstime, 'YYYYMMDD"T"HH24MISS') AS stamp
    FROM (
        SELECT
            tile.*, 's2' AS card,
            CASE step % 2 WHEN 0 THEN 'A' ELSE 'B' END AS satellite,
            timestamp '2020-01-04 11:03:51' + interval '5 days' * step
                + interval '1 second' * (tile * 14 + step * 7 % 60) AS obstime
        FROM tile, generate_series(0, 72) AS step
        UNION ALL
        SELECT
            tile.*, 'bs',
            CASE step % 2 WHEN 0 THEN 'A' ELSE 'B' END,
            timestamp '2020-01-02 06:18:02' + interval '6 days' * step
                + interval '1 second' * (tile * 25 + step * 11 % 60)
        FROM tile, generate_series(0, 60) AS step
    ) AS passes
) AS scenes
ORDER BY obstime, tile, card;
