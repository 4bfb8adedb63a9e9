import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../../setup/paths";

const pages = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
  ...readdirSync(path.join(root, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
  ...readdirSync(path.join(root, "examples"))
    .map((example) => `examples/${example}/README.md`)
    .filter((file) => existsSync(path.join(root, file))),
];

const read = (page: string) => readFileSync(path.join(root, page), "utf8");
const withoutCode = (text: string) => text.replaceAll(/^```[^]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");

/** Where a link leads within this repository; nothing for the web. */
function linksOf(page: string): string[] {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return links.filter((target) => !/^[a-z]+:/.test(target));
}

/** The names by which headings can be linked to, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const headings = [
    ...read(page)
      .replaceAll(/^```[^]*?^```/gm, "")
      .matchAll(/^#+ (.*)$/gm),
  ];
  return new Set(
    headings.map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("the documentation", () => {
  for (const page of pages) {
    it(`has no dead link in ${page}`, () => {
      const dead = linksOf(page).filter((target) => {
        const [file = "", anchor] = target.split("#");
        const linked = file === "" ? page : path.join(path.dirname(page), file);
        if (!existsSync(path.join(root, linked))) return true;
        return anchor !== undefined && !anchorsOf(linked).has(anchor);
      });
      assert.deepEqual(dead, []);
    });
  }

  it("is reached from the README, every page of it", () => {
    const reached = new Set(["README.md"]);
    for (const page of reached)
      for (const target of linksOf(page)) {
        const linked = path.join(path.dirname(page), target.split("#")[0] ?? "");
        if (linked.endsWith(".md") && existsSync(path.join(root, linked))) reached.add(linked);
      }
    assert.deepEqual(
      pages.filter((page) => page.startsWith("docs/") && !reached.has(page)),
      [],
    );
  });
});
