/** Values of a query string, which are all text, as the declared types have them; what does not fit stays text and is refused there. */
export function fromText(type: string, text: string): unknown {
  switch (type) {
    case 'INTEGER':
    case 'BIGINT':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'DECIMAL':
    case 'FLOAT':
      return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : text;
    case 'BOOLEAN':
      return text === 'true' ? true : text === 'false' ? false : text;
    default:
      return text;
  }
}
