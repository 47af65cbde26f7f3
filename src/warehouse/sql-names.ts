/** A pattern over a whole name in lower case: words may hold `*`. */
export function names(list: string): RegExp {
  const words = list.trim().split(/\s+/);
  return new RegExp(`^(?:${words.map((word) => word.replaceAll('$', '\\$').replaceAll('*', '.*')).join('|')})$`);
}
