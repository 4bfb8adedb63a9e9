import { html, type Html } from "./html";

/** Above a column; numbers are on the right. */
type Heading = string | { readonly number: string };

/** A table that scrolls by itself where the page is narrow, also by keyboard. */
export function dataTable(label: string, headings: readonly Heading[], rows: readonly Html[]): Html {
  const heads = headings.map((heading) =>
    typeof heading === "string"
      ? html`<th scope="col">${heading}</th>`
      : html`<th scope="col" class="number">${heading.number}</th>`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
