-- Counts of pixels by scene class, for one parcel in twenty: 4 vegetation, 5 bare soil, 8 and 9 cloud.
INSERT INTO "roi2020_S2_hists" (pid, obsid, band, hist)
SELECT
    pid, obsid, 'SCL',
    CASE
        WHEN cloudy THEN json_build_object('8', part, '9', pixels::int - part)
        ELSE json_build_object('4', part, '5', pixels::int - part)
    END
FROM (
    SELECT
        pid, obsid, cloudy, pixels,
        floor(pixels * CASE WHEN cloudy THEN pg_temp.chance(number, 50) ELSE ndvi END)::int AS part
    FROM observation
    WHERE pid % 20 = 1
) AS counted;
