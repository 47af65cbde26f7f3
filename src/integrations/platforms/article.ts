/** Shaping of articles that more than one platform needs. */
import { PlatformError, type Article } from './platform.ts';

/** Cuts at `length` characters, marking the cut. */
export function shorten(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length
    ? text
    : `${characters
        .slice(0, length - 1)
        .join('')
        .trimEnd()}…`;
}

/**
 * Guards a post found by slug: ours has our title, anything else the customer wrote and must not be overwritten.
 * Platforms escape and tidy titles, so only letters and digits are compared.
 * @throws PlatformError CONFLICT
 */
export function requireOwnPost(platform: string, foundTitle: string, article: Article): void {
  if (essence(foundTitle) === essence(article.title)) return;
  throw new PlatformError(
    'CONFLICT',
    `${platform} has another post under "${article.slug}". Rename or remove it there.`,
    {
      fields: ['slug'],
    },
  );
}

function essence(title: string): string {
  return title
    .replace(/<[^>]*>|&[a-z0-9#]+;/gi, '')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase();
}

/**
 * HTML for a Markdown field that passes HTML through (Forem): indentation and blank lines outside `<pre>` would start
 * code blocks and paragraphs, `{{` and `{%` are Liquid, and a leading `---` front matter.
 */
export function htmlForMarkdown(html: string): string {
  return html
    .split(/(<pre\b[\s\S]*?<\/pre>)/i)
    .map((part) => (/^<pre\b/i.test(part) ? part : part.replace(/\n\s+/g, '\n')))
    .join('')
    .trim()
    .replace(/\{(?=[{%])/g, '&#123;')
    .replace(/^---/, '&#45;--');
}
