CREATE TABLE dias_catalogue (
    id serial PRIMARY KEY,
    obstime timestamp NOT NULL,
    reference varchar(120) NOT NULL UNIQUE,
    sensor char(2) NOT NULL,
    card char(2) NOT NULL,
    status varchar(24) NOT NULL DEFAULT 'ingested',
    footprint geometry(Polygon, 4326)
);

CREATE TABLE aois (
    gid serial PRIMARY KEY,
    name varchar(64) NOT NULL UNIQUE,
    footprint geometry(Polygon, 4326)
);

CREATE TABLE parcel_set (
    ogc_fid serial PRIMARY KEY,
    parcel_code varchar(20) NOT NULL,
    cropname varchar(60),
    cropcode int,
    area double precision,
    wkb_geometry geometry(MultiPolygon, 3035)
);

-- No keys and no indexes yet, because loading is faster without them.
CREATE TABLE "roi2020_S2_signatures" (
    pid int,
    obsid int,
    band char(3),
    count real,
    mean real,
    std real,
    min real,
    max real,
    p25 real,
    p50 real,
    p75 real
);

CREATE TABLE "roi2020_S2_hists" (
    pid int,
    obsid int,
    band char(3),
    hist json
);
