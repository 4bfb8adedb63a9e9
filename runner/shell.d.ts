/** Scripts that run in a container; the bundle has their text. */
declare module "*.sh" {
  const text: string;
  export default text;
}
