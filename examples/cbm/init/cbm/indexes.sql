CREATE INDEX dias_catalogue_footprint_idx ON dias_catalogue USING gist (footprint);
CREATE INDEX aois_footprint_idx ON aois USING gist (footprint);
CREATE INDEX parcel_set_wkb_geometry_idx ON parcel_set USING gist (wkb_geometry);

CREATE INDEX "roi2020_S2_signatures_pid_idx" ON "roi2020_S2_signatures" (pid);
CREATE INDEX "roi2020_S2_signatures_obsid_idx" ON "roi2020_S2_signatures" (obsid);
CREATE INDEX "roi2020_S2_signatures_band_idx" ON "roi2020_S2_signatures" (band);

CREATE INDEX "roi2020_S2_hists_pid_idx" ON "roi2020_S2_hists" (pid);
CREATE INDEX "roi2020_S2_hists_obsid_idx" ON "roi2020_S2_hists" (obsid);
