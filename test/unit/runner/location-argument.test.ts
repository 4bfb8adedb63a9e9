import assert from "node:assert/strict";
import { type Options, type Origin, origins } from "../../../runner/cli/keys";
import { inPlace, inRepository, located } from "../../../runner/cli/location-argument";
import { BackupRequest, RestoreRequest } from "../../../runner/request";
import { parseBackupLocation } from "../../../runner/request/location";

const id = "20261122T081500Z";

/** Options as settings complete them: a repository and a name that the command line does not give. */
const fromFile = {
  repository: "/file",
  name: "file",
  [origins]: new Map<string, Origin>(
    ["repository", "name"].map((option) => [option, { from: "file", name: `${option} in x` }]),
  ),
};
const said = (options: Options) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

describe("the argument that names backups", () => {
  for (const [given, expected] of [
    [undefined, {}],
    [id, { backup: id }],
    ["latest", { backup: "latest" }],
    ["cbm/latest", { location: "cbm/latest" }],
    [`s3://bucket/p/cbm/${id}/`, { location: `s3://bucket/p/cbm/${id}/` }],
    ["./backups/cbm", { repository: "./backups", name: "cbm" }],
    ["s3://bucket/p/cbm", { repository: "s3://bucket/p", name: "cbm" }],
  ] as const) {
    it(`can be one backup, or the latest of a name: ${given ?? "none"}`, () => {
      assert.deepEqual(said(located({}, given)), expected);
    });
  }

  it("counts for more than the environment and the file", () => {
    assert.deepEqual(said(located(fromFile, "./a/cbm/latest")), { location: "./a/cbm/latest" });
    assert.deepEqual(said(located(fromFile, "./a/cbm")), { repository: "./a", name: "cbm" });
    assert.deepEqual(said(inPlace(fromFile, "./a/cbm")), { repository: "./a", name: "cbm" });
    assert.deepEqual(said(inRepository(fromFile, "./a")), { repository: "./a" });
    assert.deepEqual(said(located(fromFile, "latest")), {
      repository: "/file",
      name: "file",
      backup: "latest",
    });
  });

  it("does not contradict the command line", () => {
    const refused = { message: '"./a/cbm" says where the backups are: leave out --repository and --name.' };
    for (const act of [located, inPlace, inRepository])
      assert.throws(() => act({ repository: "./b", name: "cbm" }, "./a/cbm"), refused);
  });

  for (const given of ["cbm", `./backups/cbm/${id}`, "./backups/cbm/latest", "s3://bucket", "./backups/.x"])
    it(`of a prune cannot be ${given}`, () => {
      assert.throws(() => inPlace({}, given), /does not say which backups\. Write REPOSITORY\/NAME/);
    });

  it("of a list cannot be one backup", () => {
    assert.throws(() => inRepository({}, `./backups/cbm/${id}`), /is one backup/);
    assert.deepEqual(said(inRepository({}, "backups")), { repository: "backups" });
  });
});

describe("the location of a backup", () => {
  for (const [given, expected] of [
    [`s3://bucket/cbm/${id}`, { repository: "s3://bucket", name: "cbm", backup: id }],
    ["s3://bucket/a/b/cbm/latest", { repository: "s3://bucket/a/b", name: "cbm", backup: "latest" }],
    ["s3://bucket/cbm/latest/", { repository: "s3://bucket", name: "cbm", backup: "latest" }],
    [`/srv/backups/cbm/${id}/`, { repository: "/srv/backups", name: "cbm", backup: id }],
    ["/cbm/latest", { repository: "/", name: "cbm", backup: "latest" }],
    ["../backups/cbm/latest", { repository: "../backups", name: "cbm", backup: "latest" }],
    ["./backups/cbm/latest", { repository: "./backups", name: "cbm", backup: "latest" }],
    ["./cbm/latest", { repository: ".", name: "cbm", backup: "latest" }],
    ["cbm/latest", { repository: ".", name: "cbm", backup: "latest" }],
  ] as const) {
    it(`can be ${given}`, () => {
      assert.deepEqual(parseBackupLocation(given), expected);
    });
  }

  for (const given of [
    "s3://bucket/cbm",
    "s3://bucket/latest",
    "S3://b/p/cbm/latest",
    "s3:/b/p/cbm/latest",
    "/srv/backups/cbm",
    "./backups",
    "./latest",
    "/latest",
    `/srv/cbm/${id}/manifest.json`,
  ]) {
    it(`cannot be ${given}`, () => {
      assert.throws(
        () => parseBackupLocation(given),
        /is not the location of a backup\. Write REPOSITORY\/NAME\/ID/,
      );
    });
  }

  it("is not said a second time in a request", () => {
    const problems = (request: object) =>
      RestoreRequest.safeParse({ container: "c", ...request }).error?.issues.map(
        ({ path, message }) => `${path.join(".")}: ${message}`,
      );
    const location = "/srv/cbm/latest";
    assert.match(String(problems({ location, name: "cbm" })), /^location: says .* leave out name,/);
    assert.match(
      String(problems({ location, repository: "/srv", name: "cbm" })),
      /^location: says .* leave out repository and name,/,
    );
    assert.equal(problems({ location }), undefined);
    assert.equal(problems({ repository: "/srv", name: "cbm", backup: "latest" }), undefined);
    assert.match(
      String(problems({ repository: "/srv" })),
      /^name: must be given, or else the location of the backup$/,
    );
  });
});

describe("the repositories of a backup", () => {
  for (const [title, request, problem] of [
    ["a copy in the repository", { repository: "/b", copies: ["/b/"] }, "copies.0: names /b/ a second time"],
    [
      "the same copy twice",
      { repository: "/b", copies: ["s3://backups/p", "s3://backups/p/"] },
      "copies.1: names s3://backups/p/ a second time",
    ],
    [
      "a work directory before a folder",
      { repository: "/b", workDirectory: "/w" },
      "workDirectory: has no effect where the repository is a folder: the backup is written there",
    ],
    [
      "a work directory in S3",
      { repository: "s3://backups", workDirectory: "s3://other" },
      "workDirectory: must be a folder of this machine",
    ],
    [
      "a copy in the work directory",
      { repository: "s3://backups", workDirectory: "/w", copies: ["/w"] },
      "copies.0: names /w a second time",
    ],
  ] as const) {
    it(`cannot be ${title}`, () => {
      const { error } = BackupRequest.safeParse({ container: "c", name: "cbm", tables: ["a"], ...request });
      const said = error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("\n") ?? "";
      if (typeof problem === "string") assert.equal(said, problem);
      else assert.match(said, problem);
    });
  }
});
