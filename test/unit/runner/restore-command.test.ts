import assert from "node:assert/strict";
import {
  restoreCommand,
  type RestoreSource,
  s3Options,
  s3UploadOptions,
} from "../../../runner/backup/restore-guide";
import { archiveName } from "../../../runner/postgres/archive/compression";

const source: RestoreSource = {
  container: "pg_spat",
  address: { host: "/var/run/postgresql", port: 5433 },
  needsPassword: false,
  user: "postgres",
  database: "gis",
  format: "directory",
  compression: "zstd:1",
  jobs: 2,
  location: "/srv/my backups/cbm/20261122T081500Z",
  containerLocation: "/backups/cbm/20261122T081500Z",
};

describe("the restore command", () => {
  it("makes a new database, prepares it and runs pg_restore in the container", () => {
    assert.deepEqual(restoreCommand(source).split(" && "), [
      "docker exec pg_spat createdb --host /var/run/postgresql --port 5433 --username postgres --no-password --template template0 gis_restored",
      "docker exec --interactive pg_spat psql --host /var/run/postgresql --port 5433 --username postgres --no-password --dbname gis_restored --quiet" +
        " --set ON_ERROR_STOP\\=on < '/srv/my backups/cbm/20261122T081500Z/prepare.sql'",
      "docker exec pg_spat pg_restore --host /var/run/postgresql --port 5433 --username postgres --no-password --dbname gis_restored --exit-on-error" +
        " --jobs 2 /backups/cbm/20261122T081500Z/archive",
    ]);
  });

  it("streams the formats that are one file", () => {
    const custom = restoreCommand({ ...source, format: "custom", containerLocation: undefined });
    assert.match(custom, /pg_restore .* < '\/srv\/my backups\/cbm\/20261122T081500Z\/archive\.dump'$/);
    const plain = restoreCommand({ ...source, format: "plain", compression: "gzip:6" });
    assert.match(
      plain,
      /&& gzip -dc '\/srv\/my backups\/cbm\/20261122T081500Z\/archive\.sql\.gz' \| docker exec --interactive pg_spat psql /,
    );
  });

  it("is one of this program for a backup in a bucket, which stock tools do not read", () => {
    const s3 = { endpoint: "http://127.0.0.1:9000", region: "eu", forcePathStyle: true };
    const bucket = { ...source, location: "s3://my-bucket/cbm/20261122T081500Z", s3 };
    assert.equal(
      restoreCommand(bucket),
      "postgis-backup restore s3\\://my-bucket/cbm/20261122T081500Z --container pg_spat --user postgres --database gis_restored --create-database" +
        " --s3-endpoint http\\://127.0.0.1\\:9000 --s3-region eu --s3-path-style",
    );
  });

  it("says of a bucket only what a restore wants to know, and a command that uploads the rest", () => {
    const s3 = { forcePathStyle: false, conditionalWrites: false, checksum: "md5" as const, maxParts: 1000 };
    assert.deepEqual(s3Options(s3), []);
    const lacking = ["--s3-conditional-writes", "false", "--s3-checksum", "md5", "--s3-max-parts", "1000"];
    assert.deepEqual(s3UploadOptions(s3), lacking);
    assert.deepEqual([s3UploadOptions(), s3UploadOptions({ region: "eu" })], [[], []]);
  });

  it("takes a password from the shell that it is pasted into, and never asks for one", () => {
    const command = restoreCommand({ ...source, needsPassword: true });
    for (const part of command.split(" && "))
      assert.match(part, /^docker exec --env PGPASSWORD (--interactive )?pg_spat \w+ .*--no-password/);
    assert.doesNotMatch(restoreCommand(source), /PGPASSWORD/);
  });

  it("quotes names that a shell would read otherwise", () => {
    assert.match(restoreCommand({ ...source, user: "o'brien; rm -rf" }), /--username "o'brien; rm -rf"/);
  });

  it("names a database that programs do not take for something else", () => {
    const target = (database: string) =>
      /createdb .* (\S+) && /.exec(
        restoreCommand({ ...source, database }).split("pg_spat psql")[0] ?? "",
      )?.[1];
    assert.equal(target("-lead"), "_lead_restored");
    assert.equal(target("a=b"), "a_b_restored");
    assert.equal(target("postgresql://host/x"), "postgresql___host_x_restored");
    assert.equal(target("é".repeat(31)), `${"é".repeat(27)}_restored`);
  });

  it("gives each archive the suffix that tools expect", () => {
    assert.equal(archiveName("plain", "zstd:1"), "archive.sql.zst");
    assert.equal(archiveName("plain", "lz4"), "archive.sql.lz4");
    assert.equal(archiveName("plain", "none"), "archive.sql");
    assert.equal(archiveName("directory", "gzip:1"), "archive");
  });
});
