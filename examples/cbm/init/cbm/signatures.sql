-- The mean of a band is base + slope * NDVI under a clear sky, and cloud_base to cloud_base + cloud_range under clouds.
-- "spread" is the usual standard deviation. "share" is the number of the band's own pixels for each pixel of 10 m.
CREATE TEMPORARY TABLE band ON COMMIT DROP AS
SELECT *
FROM (
    VALUES
    (0, 'B02', 0.085::float8, -0.065::float8, 0.26::float8, 0.34::float8, 0.006::float8, 1::float4, false),
    (1, 'B04', 0.145, -0.118, 0.27, 0.36, 0.009, 1, false),
    (2, 'B08', 0.150, 0.340, 0.29, 0.38, 0.021, 1, false),
    (3, 'B11', 0.290, -0.170, 0.18, 0.30, 0.014, 0.25, false),
    (4, 'NDV', 0.000, 1.000, 0.00, 0.00, 0.0157, 1, false),
    (5, 'GAR', 0.030, 0.850, -0.02, 0.24, 0.0286, 1, true),
    (6, 'BSI', 0.060, -0.450, -0.24, 0.18, 0.0186, 1, true)
) AS bands (position, band, base, slope, cloud_base, cloud_range, spread, share, may_miss);
ANALYZE band;

-- Rounds to seven digits, as the extraction does.
CREATE FUNCTION pg_temp.seven_digits(x double precision) RETURNS real
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN x >= 0.1 OR x <= -0.1 THEN round(x * 1e7) / 1e7
        WHEN x >= 0.01 OR x <= -0.01 THEN round(x * 1e8) / 1e8
        ELSE round(x * 1e9) / 1e9
    END::real
$$;

-- The factors guarantee min < p25 < p50 < p75 < max.
INSERT INTO "roi2020_S2_signatures" (pid, obsid, band, count, mean, std, min, max, p25, p50, p75)
SELECT
    pid, obsid, band, count,
    pg_temp.seven_digits(mean),
    pg_temp.seven_digits(std),
    pg_temp.seven_digits(lowest),
    pg_temp.seven_digits(highest),
    pg_temp.seven_digits(quarter),
    pg_temp.seven_digits(half),
    pg_temp.seven_digits(three_quarters)
FROM (
    SELECT
        pid, obsid, band, count, mean, std,
        mean - std * (1.25 + 2.2 * pg_temp.fraction(second, 0)) AS lowest,
        mean + std * (1.25 + 2.2 * pg_temp.fraction(second, 1)) AS highest,
        mean - std * (0.42 + 0.51 * pg_temp.fraction(second, 2)) AS quarter,
        mean - std * (0.27 - 0.53 * pg_temp.fraction(third, 0)) AS half,
        mean + std * (0.41 + 0.51 * pg_temp.fraction(third, 1)) AS three_quarters
    FROM (
        SELECT
            pid, obsid, band, second, third,
            ceil(pixels * share)::real AS count,
            CASE
                WHEN incomplete AND may_miss THEN NULL
                WHEN cloudy AND cloud_range > 0 THEN cloud_base + cloud_range * pg_temp.fraction(first, 0)
                ELSE base + slope * ndvi + spread * (pg_temp.fraction(first, 0) - 0.5)
            END AS mean,
            CASE
                WHEN incomplete AND may_miss THEN NULL
                ELSE spread * (0.22 + 1.4 * u + 3.4 * u4 * u4)
            END AS std
        FROM (
            SELECT
                observation.*, band.*,
                hashint8extended(number * 7 + position, 40) AS first,
                hashint8extended(number * 7 + position, 41) AS second,
                hashint8extended(number * 7 + position, 42) AS third
            FROM observation,
                LATERAL (
                    -- The last parcel has fewer rows if the scale is not a multiple of 511.
                    SELECT * FROM band
                    WHERE (pid - 1) * 511::bigint + ordinal * 7 + position < (SELECT signatures FROM scale)
                    OFFSET 0
                ) AS band
            OFFSET 0
        ) AS hashed,
            LATERAL (SELECT pg_temp.fraction(first, 1) AS u OFFSET 0) AS drawn,
            LATERAL (SELECT u * u * u * u AS u4 OFFSET 0) AS powers
        OFFSET 0
    ) AS moments
    OFFSET 0
) AS quantiles;
