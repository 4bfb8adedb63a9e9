/** Reads the table of arguments for tests that try every line of it. */
import assert from "node:assert/strict";
import type { Argument, Effect, Fixture } from "../../schema/argument-effects";
import type { Applied } from "./component-stack";

export type Table = Readonly<Record<string, Argument>>;

/** The changes of all arguments with one of these effects, together; those that must be tried apart are not among them. */
export function changesOf(
  table: Table,
  effects: readonly Effect[],
  fixture: Fixture,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table)
      .filter(([, { effect, apart }]) => effects.includes(effect) && apart !== true)
      .map(([name, { change }]) => [name, change(fixture)]),
  );
}

/** Each of the arguments shows in the plan of an up in its own place, and replaces the resource or does not. */
export function expectShown(
  table: Table,
  names: readonly string[],
  applied: Applied,
  replaces: boolean,
): void {
  for (const name of names) {
    const shows = table[name]?.shows;
    if (shows === undefined) continue;
    const [child, path] = shows;
    const step = applied.steps[child];
    assert.ok(
      step?.changed.some((changed) => changed.startsWith(path)),
      `${name}: ${child} ${path} is not in ${JSON.stringify(step)}\n${applied.log}`,
    );
    const replacing = step?.replacing.some((changed) => changed.startsWith(path));
    assert.equal(replacing, replaces, `${name} ${replaces ? "does not replace" : "replaces"} ${child}`);
  }
}

interface WrongValue {
  readonly name: string;
  readonly change: Record<string, unknown>;
  readonly says: RegExp;
}

/** Values that the constructor refuses. */
export function refusedValues(table: Table, fixture: Fixture): WrongValue[] {
  return wrongValues(table, fixture).filter(({ by }) => by === "constructor");
}

/** Values that a run refuses, by the runs in which they are tried together. */
export function wrongRuns(table: Table, fixture: Fixture): WrongValue[][] {
  const values = wrongValues(table, fixture).filter(({ by }) => by !== "constructor");
  const runs = [...new Set(values.map(({ by }) => by))].sort();
  return runs.map((run) => values.filter(({ by }) => by === run));
}

function wrongValues(table: Table, fixture: Fixture) {
  return Object.entries(table).flatMap(([name, { wrong = [] }]) =>
    wrong.map(({ by, value, says }) => ({ by, name, change: { [name]: value(fixture) }, says })),
  );
}

export function allOf(values: readonly WrongValue[]): Record<string, unknown> {
  return Object.fromEntries(values.flatMap(({ change }) => Object.entries(change)));
}
