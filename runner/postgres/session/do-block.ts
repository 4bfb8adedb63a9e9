/** A statement that runs such statements of PL/pgSQL. The tag is that of its quotes, with what makes it differ from all in them. */
export function doBlock(wanted: string, body: string, declarations = ""): string {
  let tag = wanted;
  while (body.includes(`$${tag}$`)) tag += "_";
  return [
    `DO $${tag}$`,
    ...(declarations === "" ? [] : [`DECLARE ${declarations}`]),
    "BEGIN",
    body,
    `END $${tag}$;`,
    "",
  ].join("\n");
}
