/** Scripts that run in a container; the bundle has their text. */
declare module "*.sh" {
  const text: string;
  export default text;
}

/** Style sheets of pages; the bundle has their text too. */
declare module "*.css" {
  const text: string;
  export default text;
}
