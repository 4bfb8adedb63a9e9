import assert from "node:assert/strict";
import { execa } from "execa";
import { restoreGuide } from "../../../runner/backup/restore-guide";
import { sampleManifest } from "../../support/sample-backups";
import type { Description } from "../../../runner/backup/describe-backup";

const described = (change: Partial<Description> = {}): Description => ({
  ...sampleManifest("20261122T081500Z", { tables: ["dias_catalogue"] }),
  ...change,
});
const blocks = (guide: string) =>
  [...guide.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block]) => block ?? "").join("\n");

describe("the guide in a backup's folder", () => {
  it("names what the backup is, where it is from, and what is needed", () => {
    const sample = sampleManifest("20261122T081500Z");
    const source = { ...sample.source, image: "mdillon/postgis:latest", postgisVersion: "2.5.3" };
    const guide = restoreGuide(described({ source }));
    assert.match(guide, /^# How to restore cbm\/20261122T081500Z\n/);
    assert.match(guide, /1 table of database `postgres` in container `pg_spat`, as of 2026-11-22T08:15:00Z/);
    assert.match(guide, /from PostgreSQL 17\.0 with PostGIS 2\.5\.3\.$/m);
    assert.match(guide, /^image=mdillon\/postgis:latest$/m);
    assert.match(guide, /taken from the image `mdillon\/postgis:latest`/);
  });

  it("names an image that can be pulled", () => {
    const { source } = sampleManifest("20261122T081500Z");
    const imageOf = (change: Partial<typeof source>) => {
      const guide = restoreGuide(described({ source: { ...source, ...change } }));
      return [
        /^image=(.*)$/m.exec(guide)?.[1],
        /^Change these four as you like\. (.*)$/m.exec(guide)?.[1] ?? "",
      ];
    };
    const digest = `postgis/postgis@sha256:${"0".repeat(64)}`;
    const official = { serverVersion: "17.12 (Debian 17.12-0+deb13u1)", postgisVersion: "3.5.2" };
    assert.deepEqual(imageOf({ ...official, image: "postgis/postgis:latest", imageDigest: digest }), [
      digest,
      "The image is the one that the backup was taken from, `postgis/postgis:latest` at that time.",
    ]);
    const local = { ...official, imageDigest: `sha256:${"1".repeat(64)}` };
    const [own, remark] = imageOf({ ...local, image: "our/gis:3" });
    assert.equal(own, "our/gis:3");
    assert.match(
      remark ?? "",
      /was in no registry\. If you do not have it: `image=postgis\/postgis:17-3\.5`/,
    );
    assert.equal(imageOf({ ...local, image: "1".repeat(12) })[0], "postgis/postgis:17-3.5");
    assert.equal(imageOf({ ...local, postgisVersion: undefined, image: "1".repeat(12) })[0], "postgres:17");
  });

  it("refers to no step that is not there", () => {
    const { requires } = described();
    const steps = (roles: string[]) => restoreGuide(described({ requires: { ...requires, roles } }));
    assert.match(steps(["owner"]), /steps 1 and 2, the roles of step 3, then this/);
    assert.match(steps(["postgres"]), /steps 1 and 2, then this/);
  });

  it("is about the format and the compression of this backup", () => {
    const directory = restoreGuide(described({ jobs: 3 }));
    assert.match(directory, / pg_restore .* --jobs 3 --exit-on-error \/backup\/archive$/m);
    const custom = restoreGuide(described({ format: "custom" }));
    assert.match(custom, / pg_restore .* --exit-on-error \/backup\/archive\.dump$/m);
    const plain = restoreGuide(described({ format: "plain", compression: "zstd:1" }));
    assert.match(plain, /`zstd` must be installed here/);
    assert.match(
      plain,
      /^zstd -dc archive\.sql\.zst \| docker exec --interactive --env PGPASSWORD "\$container" psql .*ON_ERROR_STOP=on$/m,
    );
    assert.doesNotMatch(plain, /pg_restore|\/backup/);
    const uncompressed = restoreGuide(described({ format: "plain", compression: "none" }));
    assert.doesNotMatch(uncompressed, /must be installed/);
    assert.match(uncompressed, /^cat archive\.sql \| /m);
  });

  it("compares the rows of each table with those of the manifest, but not of a partitioned one", () => {
    const [table] = described().tables;
    assert.ok(table);
    const tables = [table, { ...table, schema: "nl", name: 'a"b', kind: "partitioned" as const }];
    const guide = restoreGuide(described({ tables }));
    assert.match(
      guide,
      /\('"public"\."dias_catalogue"', 5::bigint, \(SELECT count\(\*\) FROM ONLY "public"\."dias_catalogue"\)\)\n/,
    );
    assert.doesNotMatch(guide, /FROM ONLY "nl"/);
    assert.match(guide, /^ALTER TABLE IF EXISTS "nl"\."a""b" SET SCHEMA "before_restore_nl";$/m);
  });

  it("goes on after errors only where foreign keys cannot be created, and names those", () => {
    const ignoredReferences = [
      { table: "public.child", constraint: "child_fkey", references: "public.parent" },
    ];
    for (const format of ["directory", "plain"] as const) {
      const guide = restoreGuide(described({ format, ignoredReferences }));
      assert.match(
        guide,
        /1 foreign key cannot be created.*`child_fkey` of `public\.child` to `public\.parent`/,
      );
      assert.doesNotMatch(
        guide.slice(guide.indexOf("## 4."), guide.indexOf("## 5.")),
        /exit-on-error|ON_ERROR_STOP/,
      );
    }
    assert.doesNotMatch(restoreGuide(described()), /cannot be created/);
  });

  it("runs nothing that a name says, whatever the names are", async () => {
    const hostile = "x'\"`$(touch pwned)\\\nSQL\ntouch pwned\n; touch pwned #";
    const sample = described();
    const [table] = sample.tables;
    assert.ok(table);
    const guide = restoreGuide(
      described({
        source: {
          ...sample.source,
          database: hostile,
          image: hostile,
          lcCollate: hostile,
          container: hostile,
        },
        tables: [{ ...table, schema: hostile, name: hostile }],
        requires: { ...sample.requires, roles: [hostile], sequences: [{ schema: hostile, name: hostile }] },
      }),
    );
    // Whatever is not one of the guide's own programs is printed.
    const stubs = ["docker", "sha256sum", "sleep", "awk"].map(
      (name) => `${name}() { cat >/dev/null; echo true; }`,
    );
    const script = `${stubs.join("\n")}\ntouch() { echo "PWNED" >&2; }\n${blocks(guide)}`;
    const { stderr, exitCode } = await execa("bash", ["-uc", script], { reject: false, input: "" });
    assert.doesNotMatch(stderr, /PWNED|command not found|syntax error/, stderr);
    assert.equal(exitCode, 0);
  });
});
