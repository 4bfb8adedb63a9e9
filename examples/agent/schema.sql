CREATE TABLE dias_catalogue (id serial PRIMARY KEY, obstime timestamp, footprint geometry(Polygon, 4326));
CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
INSERT INTO dias_catalogue (obstime) VALUES ('2020-01-04'), ('2020-01-09');
INSERT INTO "roi2020_S2_signatures" SELECT g, 1 + g % 2, 'B02', g / 100.0 FROM generate_series(1, 100) g;
