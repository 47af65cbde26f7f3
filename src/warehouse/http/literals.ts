import type { ParameterValue } from '../engine.ts';

/** A value as a literal of Trino and Athena, for the list of values that stands beside a statement. */
export function quoteLiteral(value: ParameterValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === 'boolean') return String(value);
  if (Number.isSafeInteger(value)) return String(value);
  if (!Number.isFinite(value)) return `CAST('${value}' AS double)`;
  // In this form a number is a double and not a decimal.
  return value.toExponential().replace('e+', 'E').replace('e', 'E');
}
