/** A stack with one component, whose arguments are changed and whose steps are looked at one by one. */
import path from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { root } from "../../setup/paths";
import { createProject, type Project, removeProject } from "./stack";

const source = path.join(root, "test", "support", "component-program");

export interface Step {
  /** `same`, `update`, `replace`, `create`, … */
  readonly op: string;
  /** Paths of the inputs that differ, such as `triggers[0].tables`. */
  readonly changed: readonly string[];
  /** Those of them that make the engine replace the resource. */
  readonly replacing: readonly string[];
}

export interface Applied {
  /** What the engine did with each child of the component, by the end of its name: `container`, `backup`. */
  readonly steps: Readonly<Record<string, Step | undefined>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** All that the CLI printed. */
  readonly log: string;
  readonly failed: boolean;
}

/** What a program says of the component beside its arguments. */
interface ComponentOptions {
  readonly name?: string;
  readonly alias?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export class ComponentStack {
  private constructor(
    readonly component: string,
    readonly project: Project,
  ) {}

  static async create(component: string): Promise<ComponentStack> {
    const project = await createProject(source, ["Pulumi.yaml", "index.ts"]);
    return new ComponentStack(component, project);
  }

  async up(args: object, { name = "it", ...more }: ComponentOptions = {}): Promise<Applied> {
    const { stack } = this.project;
    const declared = { component: this.component, args, name, ...more };
    await stack.setConfig("declared", { value: JSON.stringify(declared) });
    const printed: string[] = [];
    const events: EngineEvent[] = [];
    const options = {
      onOutput: (text: string) => printed.push(text),
      onError: (text: string) => printed.push(text),
      onEvent: (event: EngineEvent) => events.push(event),
      continueOnError: true,
    };
    const ran = await stack.up(options).then(
      (result) => ({ outputs: result.outputs, failed: false }),
      () => ({ outputs: {}, failed: true }),
    );
    const { outputs = { value: {} } } = ran.outputs as Record<string, { value: unknown }>;
    return {
      steps: stepsOf(events, name),
      outputs: outputs.value as Record<string, unknown>,
      log: printed.join(""),
      failed: ran.failed,
    };
  }

  /** Takes away what the stack made, and the data volume. */
  async remove(): Promise<void> {
    await removeProject(this.project);
  }
}

/** The steps of a replacement are told as one. */
function stepsOf(events: readonly EngineEvent[], component: string): Record<string, Step | undefined> {
  const steps: Record<string, Step> = {};
  for (const { resourcePreEvent } of events) {
    if (resourcePreEvent === undefined) continue;
    const { urn, op, detailedDiff } = resourcePreEvent.metadata;
    const resource = urn.split("::").at(-1) ?? "";
    if (!resource.startsWith(`${component}-`)) continue;
    const name = resource.slice(component.length + 1);
    const before = steps[name];
    // Null where nothing differs, in spite of its type.
    const paths = Object.entries(detailedDiff ?? {});
    steps[name] = {
      op: /replace/.test(op) || before?.op === "replace" ? "replace" : op,
      changed: [...new Set([...(before?.changed ?? []), ...paths.map(([path]) => path)])],
      replacing: [
        ...new Set([
          ...(before?.replacing ?? []),
          ...paths.filter(([, { diffKind }]) => /replace/.test(diffKind)).map(([path]) => path),
        ]),
      ],
    };
  }
  return steps;
}
