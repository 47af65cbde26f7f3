/**
 * Values that no well-meaning client sends, by scalar. Those under `always` have failed statements, parsers and walkers
 * before; of the others every field gets some.
 */
export interface Hostile {
  always: unknown[];
  others: unknown[];
}

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
  return value;
};

/** JSON as a parser makes it: there `__proto__` is a name like any other. */
const parsed = (text: string): unknown => JSON.parse(text);

const texts: Hostile = {
  always: ['a\0b', '\ud800', 'x'.repeat(120_000)],
  others: [
    '',
    ' ',
    'a\u0001\x1B[31m',
    'x\udfffy',
    'x'.repeat(300),
    'é'.repeat(254),
    '💥'.repeat(60),
    '\u202e\u2028\ufeff\uffff',
    `'"\`;--/*\\%_$1$$`,
    '__proto__',
    'constructor',
    'x\r\nX-Injected: 1',
    '../../../../etc/passwd',
    '=cmd|x!A1',
    '-',
    '(((',
    'null',
  ],
};

const ids = [
  'Asset:__proto__',
  'ApiKey:2147483647',
  'ApiKey:2147483648',
  'ApiKey:9999999999',
  'constructor:1',
  'Node:1',
  'Asset:00000000-0000-0000-0000-000000000000',
  'Asset:\0',
  'Country:-1',
  'Asset:--------------------',
].map((text) => Buffer.from(text).toString('base64url'));

export const hostile: Record<string, Hostile> = {
  String: texts,
  HTML: {
    always: texts.always,
    others: [
      '<svg></p><style><a title="</style><img src=x onerror=alert(1)>">',
      '<div>'.repeat(5000),
      '<'.repeat(50_000),
      '&#0;&#xd800;&#x110000;',
    ],
  },
  ID: { always: ['a\0b'], others: ['', 'x', '\ud800', '5', 'x'.repeat(300), 'QXNzZXQ6', ...ids] },
  Int: {
    always: [-2_147_483_648, 0, 2_147_483_647],
    others: [-1, 1, 2_147_483_648, 1.5, 1e300, '1', null, { toString: 1, valueOf: 1 }],
  },
  Float: { always: [1e308], others: [0, -1, -1e308, 5e-324] },
  Boolean: { always: [true, false], others: ['true', 1] },
  Decimal: {
    always: ['999999999999999999.999999999999', '1e400'],
    others: [
      'NaN',
      'Infinity',
      '-0',
      '0',
      '-1',
      '0.000000000001',
      '1.',
      '.5',
      '٣',
      '',
      '-999999999999999999',
      '99999.9999',
      1e21,
      1e-7,
      0.1,
      -0,
    ],
  },
  BigInt: { always: ['9223372036854775808'], others: ['-1', 'x', 1e300] },
  DateTime: {
    always: ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59-14:00', '9999-12-31T23:59:59.999Z'],
    others: [
      '0000-12-31T23:59:59Z',
      '0001-01-01T00:00:00+14:00',
      '1969-12-31T23:59:59Z',
      '+275760-09-13T00:00:00Z',
      '-000001-01-01T00:00:00Z',
      '2024-02-30T00:00:00Z',
      '2016-12-31T23:59:60Z',
      '2024-01-01T24:00:00Z',
      '',
      'now',
      864e13,
      -864e13,
      0,
    ],
  },
  Date: {
    always: ['0001-01-01', '9999-12-31'],
    others: ['0000-01-01', '1900-01-01', '2024-02-30', '', '10000-01-01'],
  },
  JSON: {
    always: [{ a: 'x\0y' }, { '\udfff': 'a' }, deep(4000)],
    others: [
      {},
      [],
      '',
      'text',
      '{"a":',
      0,
      -1,
      1e308,
      true,
      [[]],
      [null],
      { '': '' },
      { a: null },
      '\ud800',
      'x\0y',
      parsed('{"__proto__":{"isAdmin":true}}'),
      parsed('{"constructor":{"prototype":{"x":1}},"toString":"x","then":"x","length":-1,"hasOwnProperty":1}'),
      { 'a\0': 1 },
      { a: '\ud800' },
      { a: 'x'.repeat(120_000) },
      Array.from({ length: 10_000 }, (_, i) => i),
      Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i])),
      deep(60),
    ],
  },
  URL: {
    always: ['https://x/\0', 'https://x/\ud800'],
    others: [
      '',
      'https://',
      'javascript:alert(1)',
      'https://a:b@example.com/',
      'http://[::1]/',
      'https://0x7f000001/',
      'https://2130706433/',
      'https://[::ffff:127.0.0.1]/',
      'https://xn--a/',
      `https://example.com/${'a'.repeat(3000)}`,
    ],
  },
  EmailAddress: {
    always: ['a\0@b.com', '\ud800@example.com'],
    others: ['', 'a', 'a@b', 'a@b.com\r\nBcc: x', '"a b"@example.com', 'ä@ü.example', `${'a'.repeat(300)}@b.com`],
  },
};
