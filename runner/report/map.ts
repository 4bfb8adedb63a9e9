/** Where the geometries of tables are, as outlines on a map. */
import * as Plot from "@observablehq/plot";
import { feature } from "topojson-client";
import land from "world-atlas/land-110m.json";
import { drawing } from "./charts";
import type { Html } from "./html";

export interface Outline {
  readonly label: string;
  /** West, south, east and north, in degrees. */
  readonly box: readonly [number, number, number, number];
}

/** Coasts are recognised on a map of at least so many degrees. */
const leastDegrees = 24;

/** More names would cover each other. */
const mostLabels = 12;

export function map(label: string, outlines: readonly Outline[]): Html {
  const coasts = feature(land as never, (land as { objects: { land: object } }).objects.land as never);
  const [west, south, east, north] = frameAround(outlines.map(({ box }) => box));
  const corners = {
    type: "MultiPoint",
    coordinates: [
      [west, south],
      [east, north],
    ],
  };
  const named = outlines.length > mostLabels ? [] : outlines;
  const corner = named.map(({ label: title, box: [lon, , , lat] }) => ({ title, lon, lat }));
  return drawing(label, {
    ...{ width: 720, height: 420, margin: 0 },
    projection: { type: "equirectangular", domain: corners as never },
    marks: [
      Plot.frame({ fill: "var(--sea)", stroke: null }),
      Plot.geo(coasts, { fill: "var(--land)", clip: true }),
      Plot.graticule({ stroke: "var(--line)", strokeOpacity: 0.6, clip: true }),
      Plot.geo(outlines.map(outlineOf), {
        stroke: "var(--accent)",
        strokeWidth: 1.75,
        fill: "var(--accent)",
        fillOpacity: 0.1,
      }),
      Plot.text(corner, {
        x: "lon",
        y: "lat",
        text: "title",
        textAnchor: "start",
        lineAnchor: "bottom",
        dy: -4,
        fill: "currentColor",
        stroke: "var(--card)",
        strokeWidth: 4,
        fontSize: 12,
      }),
      Plot.frame({ stroke: "var(--line)" }),
    ],
  });
}

/** A polygon that runs the right way round, and along the parallels. */
function outlineOf({ label, box: [west, south, east, north] }: Outline) {
  const steps = Array.from({ length: 17 }, (_, index) => west + ((east - west) * index) / 16);
  const ring = [
    ...steps.map((longitude) => [longitude, north]),
    ...steps.toReversed().map((longitude) => [longitude, south]),
    [west, north],
  ];
  return { type: "Feature", properties: { label }, geometry: { type: "Polygon", coordinates: [ring] } };
}

type Box = Outline["box"];

/** All boxes with a margin, no smaller than what can be recognised, and not beyond the world. */
export function frameAround(boxes: readonly Box[]): Box {
  const side = (index: 0 | 1 | 2 | 3) => boxes.map((box) => box[index]);
  const [west, east] = widened(Math.min(...side(0)), Math.max(...side(2)), leastDegrees, 180);
  const [south, north] = widened(Math.min(...side(1)), Math.max(...side(3)), (leastDegrees * 7) / 12, 90);
  return [west, south, east, north];
}

function widened(low: number, high: number, least: number, limit: number): [number, number] {
  const wanted = Math.max(least, (high - low) * 1.3);
  const more = (wanted - (high - low)) / 2;
  return [Math.max(-limit, low - more), Math.min(limit, high + more)];
}
