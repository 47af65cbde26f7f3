/**
 * Whether a text is one for everybody: PostgreSQL takes no NUL, and half a surrogate pair is no character of UTF-8 and no
 * JSON of PostgreSQL's.
 */
export function isPlainText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
