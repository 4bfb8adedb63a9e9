import type { Summary } from "./result";

interface Bar {
  readonly label: string;
  readonly value: Summary;
  /** Draws this bar in green. */
  readonly emphasized: boolean;
}

const width = 860;
const labelWidth = 300;
const valueWidth = 130;
const rowHeight = 28;
const barHeight = 16;
const top = 34;

/** The bar shows the median; the line runs from the least to the most. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const longest = Math.max(...bars.map(({ value }) => value.most), Number.MIN_VALUE);
  const room = width - labelWidth - valueWidth;
  const x = (value: number) => labelWidth + (value / longest) * room;
  const height = top + bars.length * rowHeight + 8;
  const rows = bars.map((bar, index) => row(bar, top + index * rowHeight, x, unit));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="12" y="20" font-weight="bold" fill="#222222">${escaped(title)}</text>`,
    ...rows,
    "</svg>",
    "",
  ].join("\n");
}

function row(
  { label, value, emphasized }: Bar,
  y: number,
  x: (value: number) => number,
  unit: string,
): string {
  const { median, least, most } = value;
  const middle = y + barHeight / 2;
  const line = middle + 4.5;
  const start = fixed(x(0));
  return [
    `<text x="${labelWidth - 8}" y="${line}" text-anchor="end" fill="#222222">${escaped(label)}</text>`,
    `<rect x="${start}" y="${y}" width="${fixed(x(median) - x(0))}" height="${barHeight}" fill="${emphasized ? "#1a7f5a" : "#9aa5b1"}"/>`,
    `<path d="M${fixed(x(least))} ${middle}H${fixed(x(most))}" stroke="#222222"/>`,
    `<text x="${fixed(x(most) + 8)}" y="${line}" fill="#222222">${median.toFixed(1)} ${unit}</text>`,
  ].join("\n");
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
