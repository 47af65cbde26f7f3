import type sanitizeHtml from 'sanitize-html';

const TEXT = [
  'p',
  'br',
  'hr',
  'span',
  'strong',
  'b',
  'em',
  'i',
  'u',
  's',
  'del',
  'ins',
  'mark',
  'small',
  'sub',
  'sup',
  'abbr',
  'cite',
  'q',
  'time',
  'wbr',
];
const BLOCKS = [
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'blockquote',
  'pre',
  'code',
  'kbd',
  'samp',
  'var',
  'ul',
  'ol',
  'li',
  'dl',
  'dt',
  'dd',
  'div',
  'section',
  'article',
  'header',
  'footer',
  'aside',
];
const TABLES = ['table', 'caption', 'colgroup', 'col', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td'];
const MEDIA = ['a', 'img', 'figure', 'figcaption', 'details', 'summary'];

/** Reading HTML takes its time for each `<`, and more for each element that is never closed: no more than these. */
export const MAX_TAGS = 20_000;
const MAX_REMOVED = 20;
const MAX_NESTING = 100;

const tags = new Set([...TEXT, ...BLOCKS, ...TABLES, ...MEDIA]);
/** These carry no text of the article: they go with all that is in them. */
const gone = ['script', 'style', 'textarea', 'option', 'xmp', 'noscript', 'title', 'template'];

const options: sanitizeHtml.IOptions = {
  allowedTags: [...tags],
  allowedAttributes: {
    '*': ['title', 'lang', 'dir'],
    a: ['href', 'rel'],
    img: ['src', 'alt', 'width', 'height', 'loading'],
    th: ['colspan', 'rowspan', 'scope'],
    td: ['colspan', 'rowspan'],
    col: ['span'],
    ol: ['start', 'reversed', 'type'],
    li: ['value'],
    time: ['datetime'],
    blockquote: ['cite'],
    details: ['open'],
    code: ['class'],
  },
  // What highlighters of code go by; all other classes are those of another page.
  allowedClasses: { code: ['language-*'] },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowedSchemesByTag: { img: ['http', 'https'] },
  allowedSchemesAppliedToAttributes: ['href', 'src', 'cite'],
  allowProtocolRelative: false,
  disallowedTagsMode: 'discard',
  nonTextTags: gone,
  nestingLimit: MAX_NESTING,
};

/** How often each element, and each attribute of an element that stays, comes up in some HTML: `p`, `a[href]`. */
function census(
  sanitizer: typeof sanitizeHtml,
  html: string,
  own: sanitizeHtml.IOptions,
): { html: string; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  const clean = sanitizer(html, {
    ...own,
    onOpenTag(name, attributes) {
      count(name);
      if (tags.has(name)) for (const attribute of Object.keys(attributes)) count(`${name}[${attribute}]`);
    },
  });
  return { html: clean, counts };
}

/**
 * HTML of an article or a product page with nothing in it that runs, frames or phones home beyond pictures and links;
 * links get `rel="nofollow noopener"`. `removed` names what was taken out, `script` or `a[onclick]`, each once, in the
 * order of the text, at most 20.
 */
export async function sanitize(html: string): Promise<{ html: string; removed: string[] }> {
  const { default: sanitizer } = await import('sanitize-html');
  const rel = { a: sanitizer.simpleTransform('a', { rel: 'nofollow noopener' }) };
  const { html: clean, counts: before } = census(sanitizer, html, { ...options, transformTags: rel });
  const after = census(sanitizer, clean, options).counts;
  const removed = [...before].filter(([name, count]) => (after.get(name) ?? 0) < count).map(([name]) => name);
  return { html: clean, removed: removed.slice(0, MAX_REMOVED) };
}
