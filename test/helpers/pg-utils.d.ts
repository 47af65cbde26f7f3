/** What the driver makes of a value before it sends it. */
declare module 'pg/lib/utils.js' {
  const utils: { prepareValue(value: unknown): string | Buffer | null | undefined };
  export default utils;
}
