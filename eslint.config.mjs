import tseslint from "typescript-eslint";

/** The layers of `runner/`, the lowest first, and the other layers that each may import. */
const layers = {
  lib: [],
  request: ["lib"],
  docker: ["lib"],
  postgres: ["docker", "request", "lib"],
  repository: ["request", "lib"],
};
const below = Object.keys(layers);
const verbs = [
  "backup",
  "restore",
  "verify",
  "prune",
  "transfer",
  "migrate",
  "server",
  "report",
  "status",
  "agent",
];

/** Forbids imports that leave a folder, except those of the allowed folders. */
const outside = (depth, allowed, message) => ({
  regex: `^(\\.\\./){${depth}}(?!(${allowed.join("|") || "$^"})$)`,
  message,
});

const restrict = (files, ...patterns) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns }] },
});

function layer([folder, allowed]) {
  const message = `runner/${folder} may import ${allowed.length === 0 ? "nothing of this project" : allowed.map((one) => `runner/${one}`).join(", ")}.`;
  const targets = allowed.map((one) => `${one}(/.*)?`);
  return [1, 2].map((depth) =>
    restrict([`runner/${folder}/${"*/".repeat(depth - 1)}*.ts`], outside(depth, targets, message)),
  );
}

function verb(folder) {
  const others = verbs.filter((one) => one !== folder);
  const targets = [...below.map((one) => `${one}(/.*)?`), ...others];
  const message = `runner/${folder} may import the layers below the verbs, and other verbs only through their index.ts.`;
  return [1, 2].map((depth) =>
    restrict([`runner/${folder}/${"*/".repeat(depth - 1)}*.ts`], outside(depth, targets, message)),
  );
}

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", ".cache/", "**/*.mjs", "**/*.cjs"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  ...Object.entries(layers).flatMap(layer),
  ...verbs.flatMap(verb),
  restrict(
    ["runner/cli/*.ts", "runner/main.ts"],
    outside(
      1,
      [...verbs, ...below.map((one) => `${one}(/.*)?`)],
      "The command line may import verbs only through their index.ts.",
    ),
  ),
  restrict(["components/*.ts"], {
    regex: "^\\.\\./(?!runner/request(/choices)?$)",
    message:
      "Of the runner, components may import only runner/request, and its choices where types are published.",
  }),
  restrict(
    ["components/*/*.ts"],
    {
      regex: "^(\\.\\./){2}(?!runner/request(/choices)?$)",
      message:
        "Of the runner, components may import only runner/request, and its choices where types are published.",
    },
    {
      regex: "^\\.\\./(?!shared/|\\.\\./|[a-z-]+/args$)[a-z-]+/",
      message:
        "Components may import each other only through index.ts or args.ts, and what they share from components/shared.",
    },
  ),
  {
    files: ["test/**/*.ts"],
    rules: {
      // Nobody awaits the values that describe and it of mocha return.
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: ["describe", "it"] }],
    },
  },
);
