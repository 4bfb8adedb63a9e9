import { z } from "zod";
import { ownerLabel } from "../runner/request/preflight";

const Exported = z.object({
  deployment: z.object({
    resources: z
      .array(z.object({ type: z.string(), outputs: z.record(z.string(), z.unknown()).optional() }))
      .optional(),
  }),
});

const Volume = z.object({
  name: z.string(),
  labels: z.array(z.object({ label: z.string(), value: z.string() })).default([]),
});

/** The Docker volumes in an exported state, each with the owner from its label (empty if it has none). */
export function volumesIn(exported: unknown): { readonly name: string; readonly owner: string }[] {
  return (Exported.parse(exported).deployment.resources ?? [])
    .filter(({ type }) => type === "docker:index/volume:Volume")
    .map(({ outputs }) => Volume.parse(outputs))
    .map(({ name, labels }) => ({
      name,
      owner: labels.find(({ label }) => label === ownerLabel)?.value ?? "",
    }));
}
