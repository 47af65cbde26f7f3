import { describe, expect, it } from 'vitest';
import { sanitize } from '../src/text/html.ts';

describe('HTML', () => {
  it('leaves nothing in HTML that runs', async () => {
    const html =
      '<svg onload=a()><math><mi xlink:href="javascript:1">x</mi></math><img src="data:x" onerror=1><iframe src="https://e.test"></iframe><a href="//e.test">l</a>';
    const clean = await sanitize(html);
    expect(clean.html).toBe('x<img /><a rel="nofollow noopener">l</a>');
    expect(clean.removed).toEqual(['svg', 'math', 'mi', 'img[src]', 'img[onerror]', 'iframe', 'a[href]']);
    expect(await sanitize(clean.html)).toEqual({ html: clean.html, removed: [] });
    expect((await sanitize(Array.from({ length: 30 }, (_, i) => `<x-${i}>`).join(''))).removed).toHaveLength(20);
  });

  it('keeps what articles are made of', async () => {
    const html =
      '<h2>A &amp; B</h2><p>See <a href="https://x.test/?a=1&amp;b=2" rel="nofollow noopener">this</a><br />too.</p><table><tbody><tr><td colspan="2">1</td></tr></tbody></table><pre><code class="language-sql">select 1</code></pre><img src="https://x.test/a.png" alt="A" />';
    expect(await sanitize(html)).toEqual({ html, removed: [] });
  });

  it('names one of two that went', async () => {
    expect(await sanitize('<a href="https://x.test">a</a><a href="data:x">b</a>')).toEqual({
      html: '<a href="https://x.test" rel="nofollow noopener">a</a><a rel="nofollow noopener">b</a>',
      removed: ['a[href]'],
    });
  });

  it('takes what hides in raw text with it', async () => {
    const html = '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript><style>p{}</style>text';
    expect((await sanitize(html)).html).not.toMatch(/onerror|<img|p\{\}/);
    expect((await sanitize(html)).html).toContain('text');
  });
});
