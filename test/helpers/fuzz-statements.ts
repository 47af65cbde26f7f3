/** Statements for fuzzing the guard: seeds that really do something on the engines of the fuzz, and what mixes them. */

/** Numbers that are the same for the same seed. */
export type Random = (below: number) => number;

/** The generator mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** What an engine's statements are made of; `hostile` ones leave a trace or show a file when they run. */
export interface Seeds {
  honest: string[];
  hostile: string[];
  /** Expressions that a hostile statement may hide in an honest one. */
  poison: string[];
}

// prettier-ignore
const PIECES = [
  '"', "'", '`', '[', ']', '\\', "\\'", '\\"', '--', '-- ', '--\n', '#', '# ', '/*', '*/', '/*!', '/*!50000 ', '/*M! ', '/*+ ', '/* ',
  '\n', '\r', '\t', '\f', '\v', '$$', '$a$', '$1$', "E'", "e'", "N'", "x'", "b'", "U&'", 'U&"', "_utf8'", "''", '""', '``', ';', '; ', '(', ')',
  ',', '.', '::', ':', ':=', '@', '@@', '{', '}', '||', '?', '\u00a0', '\u200b', '\u2028', '\ufeff', '\u3000', '\uff07', '\u02bc', '\u037e',
  '\u0130', 'ſ', 'é', '😀', '1e', '0x', '.5', ' AS ', ' UNION ALL ', ' INTO ', ' FROM ', ' WHERE ', ' RETURNING * ', 'pg_catalog.', 'main.',
  ' FOR UPDATE', ' WITH ', ' OVER ()', ' LIMIT 1', '\u0000', '\u0001', '\\u0027', '%27', '&#39;',
];
const WORD = /[A-Za-z_][A-Za-z0-9_]*/g;

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

/** Replaces one word that the pattern finds. */
function replaceWord(random: Random, sql: string, change: (word: string) => string): string {
  const words = [...sql.matchAll(WORD)];
  if (words.length === 0) return sql;
  const { 0: word, index } = pick(random, words);
  return sql.slice(0, index) + change(word) + sql.slice(index + word.length);
}

function mixCase(random: Random, word: string): string {
  return [...word].map((c) => (random(2) === 0 ? c.toUpperCase() : c.toLowerCase())).join('');
}

/** Ways to hide one statement in another, or to make a reader lose its place. */
// prettier-ignore
const CHANGES: ((random: Random, sql: string, seeds: Seeds) => string)[] = [
  // A piece anywhere, twice as often as any other change.
  (random, sql) => insert(random, sql, pick(random, PIECES)),
  (random, sql) => insert(random, sql, pick(random, PIECES) + pick(random, PIECES)),
  (random, sql) => sql.replace(/\s+/, () => pick(random, ['/**/', '/* x */', '--\n', '-- x\n', '#\n', '\n', '\t', '/*/**/*/', '/*!*/', '\u00a0', ''])),
  (random, sql) => replaceWord(random, sql, (word) => mixCase(random, word)),
  (random, sql) => replaceWord(random, sql, (word) => pick(random, [`"${word}"`, `\`${word}\``, `[${word}]`, `U&"${word}"`, `(${word})`, `'${word}'`, `$$${word}$$`])),
  (random, sql) => replaceWord(random, sql, (word) => word.replace(/[kKsSiI]/, (c) => ({ k: '\u212a', s: 'ſ', i: 'ı' })[c.toLowerCase()] ?? c)),
  (random, sql) => replaceWord(random, sql, (word) => word.replace(/./, (c) => `\\u00${c.charCodeAt(0).toString(16).padStart(2, '0')}`)),
  (random, sql) => replaceWord(random, sql, (word) => `${word} ${pick(random, ['/*', '--', '#', '/*!', "'", '"'])}`),
  (random, sql, { poison }) => sql.replace(/\b\d+\b/, () => pick(random, poison)),
  (random, sql, { poison }) => sql.replace(/'[^']*'/, () => pick(random, poison)),
  (random, sql, { poison }) => insert(random, sql, `, ${pick(random, poison)} `),
  (random, sql, { poison }) => insert(random, sql, `(SELECT ${pick(random, poison)})`),
  (random, sql, { poison }) => `${sql} ${pick(random, ["'", '"', '*/', '\n', '$$', '$a$', "\\'", '`', ']'])}, ${pick(random, poison)} ${pick(random, ['--', '/*', '#', ''])}`,
  (random, sql, { hostile }) => `${sql}${pick(random, [';', '; ', '\n;', '/**/;', '--\n;', '--\r;', '-- \u2028;', "';", '*/;', ' '])}${pick(random, hostile)}`,
  (random, sql, { hostile }) => `${pick(random, ['SELECT 1 /*', "SELECT '", 'SELECT $$', 'SELECT "', 'SELECT 1 --', 'SELECT 1 #', 'SELECT `'])}${pick(random, hostile)}${pick(random, ['*/', "'", '$$', '"', '\n', '`'])}${sql}`,
  (random, sql, { hostile }) => insert(random, sql, `${pick(random, ['/*', '/*!', '/*M!', '(', "'", '"', '$$', '$a$', '--', '#'])} ${pick(random, hostile)} ${pick(random, ['*/', ')', "'", '"', '$$', '$a$', '\n'])}`),
  (random, sql, { hostile }) => `WITH w AS (${pick(random, hostile)}) ${sql}`,
  (random, sql, { hostile }) => `SELECT * FROM (${pick(random, hostile)}) AS q, (${sql}) AS r`,
  (random, sql, { hostile }) => `${sql} UNION ALL ${pick(random, hostile)}`,
  (random, sql, { honest, hostile }) => cross(random, sql, pick(random, random(2) === 0 ? honest : hostile)),
  (random, sql) => { const at = random(sql.length + 1); return sql.slice(0, at) + sql.slice(at + 1 + random(3)); },
  (random, sql) => { const at = random(sql.length + 1); const part = sql.slice(at, at + 1 + random(20)); return insert(random, sql, part); },
];

function insert(random: Random, sql: string, piece: string): string {
  // Between tokens more often than inside them.
  const places = [...sql.matchAll(/\b|$/g)].map((match) => match.index);
  const at = random(3) === 0 ? random(sql.length + 1) : pick(random, places);
  return sql.slice(0, at) + piece + sql.slice(at);
}

function cross(random: Random, a: string, b: string): string {
  const left = [...a.matchAll(/\b|$/g)].map((match) => match.index);
  const right = [...b.matchAll(/\b|$/g)].map((match) => match.index);
  return a.slice(0, pick(random, left)) + pick(random, ['', ' ', '(', ', ']) + b.slice(pick(random, right));
}

/** First every seed as it is, then `count` statements made of them. */
export function* statements(random: Random, seeds: Seeds, count: number): Generator<string> {
  yield* seeds.honest;
  yield* seeds.hostile;
  for (const expression of seeds.poison) yield `SELECT ${expression}`;
  for (let i = 0; i < count; i++) {
    let sql = pick(random, random(4) === 0 ? seeds.hostile : seeds.honest);
    for (let changes = 1 + random(3); changes > 0; changes--) sql = pick(random, CHANGES)(random, sql, seeds);
    yield sql.slice(0, 4000);
  }
}
