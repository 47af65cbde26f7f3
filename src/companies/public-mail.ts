/** Domains whose mail anybody may have: they say nothing of a company. The large ones of the world. */
const PUBLIC_MAIL: ReadonlySet<string> = new Set([
  '126.com',
  '163.com',
  'aol.com',
  'fastmail.com',
  'gmail.com',
  'gmx.com',
  'gmx.de',
  'gmx.net',
  'googlemail.com',
  'hey.com',
  'hotmail.com',
  'icloud.com',
  'live.com',
  'mac.com',
  'mail.com',
  'mail.ru',
  'me.com',
  'msn.com',
  'naver.com',
  'outlook.com',
  'pm.me',
  'proton.me',
  'protonmail.com',
  'qq.com',
  'rediffmail.com',
  'web.de',
  'yahoo.com',
  'yandex.com',
  'yandex.ru',
  'zoho.com',
]);

/** Whether anybody may have an address at a domain, so that it is no company's and nobody joins one by it. */
export function isPublicMail(domain: string): boolean {
  return PUBLIC_MAIL.has(domain) || /^yahoo\.[a-z.]+$/.test(domain);
}
