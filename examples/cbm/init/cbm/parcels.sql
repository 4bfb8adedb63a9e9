-- NDVI of each crop in the middle of each month, and its share of the parcels in percent.
CREATE TEMPORARY TABLE crop ON COMMIT DROP AS
SELECT *, sum(share) OVER (ORDER BY cropcode) - share AS share_from, sum(share) OVER (ORDER BY cropcode) AS share_to
FROM (
    VALUES
    (1, 'Wheat', 18, '{.30,.38,.56,.74,.80,.48,.22,.19,.18,.19,.23,.27}'::double precision[]),
    (5, 'Barley', 9, '{.33,.42,.60,.76,.66,.30,.20,.18,.18,.20,.26,.30}'),
    (4, 'Maize', 24, '{.16,.16,.17,.19,.27,.55,.84,.87,.70,.36,.19,.16}'),
    (33, 'Sunflower', 6, '{.17,.17,.18,.20,.32,.66,.78,.48,.25,.19,.18,.17}'),
    (40, 'Peas', 3, '{.20,.26,.40,.66,.74,.38,.20,.18,.18,.18,.19,.20}'),
    (60, 'Alfalfa', 8, '{.38,.44,.60,.75,.72,.76,.70,.74,.68,.60,.50,.41}'),
    (62, 'Permanent grassland', 14, '{.45,.47,.55,.66,.72,.64,.52,.47,.48,.52,.50,.46}'),
    (82, 'Sugar beet', 8, '{.18,.18,.19,.24,.48,.80,.88,.88,.86,.80,.52,.24}'),
    (101, 'Olive grove', 3, '{.36,.37,.38,.38,.36,.33,.31,.30,.31,.33,.35,.36}'),
    (102, 'Vineyard', 3, '{.22,.22,.23,.26,.36,.48,.52,.50,.44,.34,.25,.22}'),
    (150, 'Fallow', 4, '{.22,.25,.32,.40,.36,.26,.21,.20,.20,.21,.22,.22}')
) AS crops (cropcode, cropname, share, ndvi);

-- Each cell of 250 m has one parcel. A block of 100 by 100 cells is in the middle of the tile. Each corner stays in its
-- own quarter of a square of 230 m, so that every parcel is valid and does not touch its neighbours.
INSERT INTO parcel_set (parcel_code, cropname, cropcode, area, wkb_geometry)
SELECT
    format('%s-%s', name, lpad((number % 10000)::text, 5, '0')),
    cropname,
    cropcode,
    round((ST_Area(polygon) / 10000)::numeric, 4),
    ST_Multi(polygon)
FROM (
    SELECT
        number, tile.name, crop.cropname, crop.cropcode,
        ST_SetSRID(ST_MakePolygon(ST_MakeLine(ARRAY[
            ST_MakePoint(west + at[1], south + at[2]),
            ST_MakePoint(west + 230 - at[3], south + at[4]),
            ST_MakePoint(west + 230 - at[5], south + 230 - at[6]),
            ST_MakePoint(west + at[7], south + 230 - at[8]),
            ST_MakePoint(west + at[1], south + at[2])
        ])), 3035) AS polygon
    FROM (
        SELECT
            number,
            floor(pg_temp.chance(number, 10) * 100)::int AS lot,
            -- Whole decimetres, as surveyed. A small parcel is small on all four sides.
            ARRAY(
                SELECT round(650 * pg_temp.chance(number, 12) + 450 * pg_temp.chance(number * 8 + corner, 11)) / 10
                FROM generate_series(1, 8) AS corner
                ORDER BY corner
            ) AS at
        FROM (SELECT generate_series(0, parcels - 1) AS number FROM scale) AS numbers
        OFFSET 0
    ) AS drawn
    JOIN tile ON tile.tile = number / 10000
    JOIN crop ON lot >= share_from AND lot < share_to,
        LATERAL (
            SELECT east + 37500 + 250 * (number % 100) AS west, north + 37500 + 250 * (number % 10000 / 100) AS south
        ) AS cell
) AS parcels
ORDER BY number;
