/** The alert rules and the dashboard, against the grammar of Prometheus and the metrics that there are. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { createMetrics } from "../../runner/agent/metrics";
import { parseYaml } from "../../runner/lib/yaml";
import { root } from "../../setup/paths";

const read = (name: string) => readFileSync(path.join(root, "deploy", name), "utf8");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string };
}
const { groups } = parseYaml(read("prometheus-rules.yaml"), "rules") as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const { panels } = JSON.parse(read("grafana-dashboard.json")) as { panels: Panel[] };

/** Names of metrics and labels in an expression; fails if it is none. */
function readExpression(expression: string): { metrics: string[]; labels: string[] } {
  const [metrics, labels] = [new Set<string>(), new Set<string>()];
  parser.parse(expression).iterate({
    enter({ type, from, to }) {
      assert.ok(!type.isError, `${expression} is wrong at character ${from}`);
      if (type.name === "Identifier") metrics.add(expression.slice(from, to));
      if (type.name === "LabelName") labels.add(expression.slice(from, to));
    },
  });
  return { metrics: [...metrics], labels: [...labels] };
}

/** The labels of each metric. */
async function knownMetrics(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics();
  const at = new Date();
  metrics.setStatus("cbm", [
    {
      ...{
        name: "cbm",
        database: "gis",
        backups: 2,
        bytes: 5,
        bad: [],
        verifiedAt: at,
        restoreTestedAt: at,
        restoreTestFailed: false,
      },
      newest: {
        ...{
          id: "20261129T010000Z",
          location: "/x",
          startedAt: at,
          bytes: 3,
          growthBytes: 1,
          tables: 1,
          rows: 4,
          orphans: 0,
        },
        seconds: { total: 3, verification: 1 },
      },
    },
  ]);
  metrics.setNextDue([{ job: "cbm", kind: "backup", next: at, period: 1000 }]);
  metrics.ranOne({ job: "cbm", kind: "backup" }, "success", at);
  metrics.notificationFailed("cbm", "webhook");
  const known = new Map<string, Set<string>>();
  for (const [, name = "", labels = ""] of (await metrics.text()).matchAll(
    /^(postgis_backup_\w+)\{(.*)\} /gm,
  ))
    known.set(name, new Set([...labels.matchAll(/(\w+)=/g)].map(([, label = ""]) => label)));
  return known;
}

describe("what is there for monitoring", () => {
  const expressions = [
    ...rules.map(({ alert, expr }) => [alert, expr] as const),
    ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ];
  for (const [name, expression] of expressions)
    it(`asks for metrics and labels that exist: ${name}`, async () => {
      const known = await knownMetrics();
      const { metrics, labels } = readExpression(expression);
      assert.notDeepEqual(metrics, []);
      for (const metric of metrics) assert.ok(known.has(metric), `${metric} is unknown`);
      const all = metrics.flatMap((metric) => [...(known.get(metric) ?? [])]);
      for (const label of labels)
        assert.ok(all.includes(label), `${label} is no label of ${metrics.join(", ")}`);
    });

  it("shows each metric", async () => {
    const shown = expressions.flatMap(([, expression]) => readExpression(expression).metrics);
    const unused = [...(await knownMetrics()).keys()].filter((name) => !shown.includes(name));
    assert.deepEqual(unused, [
      "postgis_backup_newest_tables",
      "postgis_backup_verified_timestamp_seconds",
      "postgis_backup_repository_backups",
      "postgis_backup_last_run_timestamp_seconds",
    ]);
  });

  it("fills texts with labels that the expression keeps", () => {
    for (const { alert, expr, annotations } of rules) {
      const kept = [...(/by \(([^)]*)\)/.exec(expr)?.[1]?.split(", ") ?? [])];
      for (const [, label = ""] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
        assert.ok(kept.includes(label), `${alert}: ${label}`);
    }
  });
});
