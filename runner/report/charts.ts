/** Charts as SVG, drawn by Observable Plot in a document that no browser shows. */
import * as Plot from "@observablehq/plot";
import { DOMImplementation, type Element, XMLSerializer } from "@xmldom/xmldom";
import { printable } from "../lib/format";
import { Html } from "./html";

const document = new DOMImplementation().createDocument("http://www.w3.org/1999/xhtml", "html");
const serializer = new XMLSerializer();

/** An image whose name says what it shows. Its colours are those of the page's style sheet. */
export function drawing(label: string, options: Plot.PlotOptions): Html {
  // Plot's types want those of a browser, which this program is not compiled with.
  const svg = Plot.plot({ ...options, document: document as never }) as unknown as Element;
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", printable(label));
  // The page forbids styles that are not its own.
  for (const style of [...svg.getElementsByTagName("style")]) svg.removeChild(style);
  // The parts of an image have no names of their own.
  for (const part of svg.getElementsByTagName("*")) part.removeAttribute("aria-label");
  return new Html(serializer.serializeToString(svg));
}

export interface Point {
  readonly time: Date;
  readonly value: number;
}

/** More points than a chart has pixels are not seen. */
const mostPoints = 240;

/** Fewer points of the same look: of each stretch the least and the greatest. */
export function thin<T extends Point>(points: readonly T[], most: number): readonly T[] {
  if (points.length <= most) return points;
  const length = Math.ceil((points.length / most) * 2);
  const stretches = Array.from({ length: Math.ceil(points.length / length) }, (_, index) =>
    points.slice(index * length, (index + 1) * length),
  );
  return stretches.flatMap((stretch) => {
    const least = stretch.reduce((one, other) => (other.value < one.value ? other : one));
    const greatest = stretch.reduce((one, other) => (other.value >= one.value ? other : one));
    return stretch.filter((point) => point === least || point === greatest);
  });
}

const grey = "var(--muted)";

/** A measure over time, from zero. */
export function lineChart(label: string, points: readonly Point[], format: (value: number) => string): Html {
  const shown = thin(points, mostPoints);
  const at = { x: "time", y: "value" };
  return drawing(label, {
    ...{ width: 360, height: 170, marginLeft: 58, marginTop: 12, marginRight: 12 },
    x: { type: "utc", label: null, ticks: 4, domain: timesOf(points) },
    y: { label: null, ticks: 4, tickFormat: format, zero: true, nice: true },
    marks: [
      Plot.gridY({ ticks: 4, stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.areaY(shown, { ...at, fill: "var(--accent)", fillOpacity: 0.12 }),
      Plot.lineY(shown, { ...at, stroke: "var(--accent)", strokeWidth: 1.75 }),
      Plot.dot(shown.slice(-1), { ...at, fill: "var(--accent)", r: 3.5 }),
      Plot.axisY({ label: null, ticks: 4, tickFormat: format, tickSize: 0, color: grey, fontSize: 11 }),
      Plot.axisX({ label: null, ticks: 4, tickSize: 4, color: grey, fontSize: 11 }),
    ],
  });
}

/** A measure over time without axes, for a cell of a table. */
export function sparkline(label: string, points: readonly Point[]): Html {
  const shown = thin(points, mostPoints / 4);
  const at = { x: "time", y: "value" };
  return drawing(label, {
    ...{ width: 120, height: 26, margin: 3 },
    x: { type: "utc", axis: null, domain: timesOf(points) },
    y: { axis: null, zero: true },
    marks: [
      Plot.lineY(shown, { ...at, stroke: "var(--accent)", strokeWidth: 1.5 }),
      Plot.dot(shown.slice(-1), { ...at, fill: "var(--accent)", r: 2.5 }),
    ],
  });
}

export interface Tick {
  readonly lane: string;
  readonly time: Date;
  readonly color: string;
  readonly title: string;
}

/** Moments in lanes, one below the other, in the order of their first tick. */
export function lanes(label: string, ticks: readonly Tick[]): Html {
  const names = [...new Set(ticks.map(({ lane }) => lane))];
  return drawing(label, {
    ...{ width: 1080, height: 34 + names.length * 30, marginLeft: 110, marginTop: 4, marginRight: 12 },
    x: { type: "utc", domain: timesOf(ticks) },
    y: { domain: names, padding: 0.25 },
    marks: [
      Plot.ruleY(names, { stroke: "var(--line)" }),
      Plot.tickX(ticks, { x: "time", y: "lane", stroke: "color", strokeWidth: 2.5, title: "title" }),
      Plot.axisY({ label: null, tickSize: 0, color: "currentColor", fontSize: 12 }),
      Plot.axisX({ label: null, tickSize: 4, color: grey, fontSize: 11 }),
    ],
  });
}

/** With some room at both ends. */
function timesOf(points: readonly { readonly time: Date }[]): [Date, Date] {
  const times = points.map(({ time }) => time.getTime());
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const room = Math.max((last - first) * 0.01, 60_000);
  return [new Date(first - room), new Date(last + room)];
}
