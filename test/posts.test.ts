import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../src/ids.ts';
import { serviceCreditsOf, wordCount } from '../src/posts/insights.ts';
import { gid, testGateway, type Answer, type Tenant, type TestGateway } from './helpers/gateway.ts';

let t: TestGateway;
let us: Tenant;
let them: Tenant;
beforeAll(async () => {
  t = await testGateway();
  us = await t.tenant({ handle: 'us', name: 'Us' });
  them = await t.tenant({ handle: 'them' });
});
afterAll(() => t.close());
afterEach(() => void vi.useRealTimers());

const CREATE = `mutation ($input: PostCreateInput!) { postCreate(input: $input) {
  post { id title category teaser contentHtml isPublished publishedAt viewCount lastEditedAt version author { id } successfulInsightsCount failedInsightsCount
    insights { runId assetName value runtimeMs isSuccess asset { id } } costs { dataCredits serviceCredits totalCredits }
    generation { creativity temperature tone targetWordCount hasCitations subheadingCount timeMs } }
  removedHtml userErrors { code message path } } }`;
const create = async (key: string, input: object): Promise<Answer['data']> => {
  const { data, errors } = await t.run(key, CREATE, { input });
  expect(errors).toBeUndefined();
  return data.postCreate;
};
const mutate = (key: string | null, name: string, input: object, fields: string) =>
  t.mutate(key, name, input, fields, 'userErrors { code message path }');
const run = (companyId: string, more: object) =>
  t.app.database.prisma.run.create({
    data: {
      id: newId(),
      kind: 'PROCESS',
      status: 'SUCCEEDED',
      companyId,
      sellerCompanyId: companyId,
      finishedAt: new Date(),
      elapsedMs: 12,
      ...more,
    } as never,
  });
const stored = (id: string) => t.app.database.prisma.post.findUniqueOrThrow({ where: { id } });

describe('posts work', () => {
  it('cleans the HTML, names what it took, and keeps insights and costs', async () => {
    const own = await t.world.asset(us.company.id, { name: 'Goals' });
    const bought = await t.world.asset(them.company.id, { name: 'Rain' });
    const good = await run(us.company.id, { assetId: own.id, value: '42.5' });
    const paid = await run(us.company.id, {
      assetId: bought.id,
      value: '7',
      credits: 4,
      isBilled: true,
      sellerCompanyId: them.company.id,
    });
    const failed = await run(us.company.id, { assetId: own.id, status: 'FAILED', errorCode: 'QUERY_TIMEOUT' });
    const words = 'word '.repeat(501);
    const { post, removedHtml, userErrors } = await create(us.keys.EDITOR, {
      title: 'March',
      category: 'Sports',
      teaser: 'Soon',
      runIds: [gid('Run', good), gid('Run', paid), gid('Run', failed), gid('Run', good)],
      isGenerated: true,
      contentHtml: `<p onclick="x()">${words}</p><script>alert(1)</script><a href="javascript:x">a</a>`,
      generation: { creativity: 70, tone: 'CASUAL', subheadingCount: 3 },
    });
    expect(userErrors).toEqual([]);
    expect(removedHtml).toEqual(['p[onclick]', 'script', 'a[href]']);
    expect(post).toMatchObject({
      title: 'March',
      category: 'Sports',
      teaser: 'Soon',
      isPublished: false,
      publishedAt: null,
      viewCount: 0,
      lastEditedAt: null,
      version: 1,
      contentHtml: `<p>${words}</p><a rel="nofollow noopener">a</a>`,
      author: { id: gid('User', us.users.EDITOR) },
      successfulInsightsCount: 2,
      failedInsightsCount: 1,
      costs: { dataCredits: 4, serviceCredits: 2, totalCredits: 6 },
      generation: {
        creativity: 70,
        temperature: '1.4',
        tone: 'CASUAL',
        targetWordCount: null,
        hasCitations: null,
        subheadingCount: 3,
        timeMs: null,
      },
    });
    expect(post.insights).toEqual([
      {
        runId: gid('Run', good),
        assetName: 'Goals',
        value: '42.5',
        runtimeMs: 12,
        isSuccess: true,
        asset: { id: gid('Asset', own) },
      },
      { runId: gid('Run', paid), assetName: 'Rain', value: '7', runtimeMs: 12, isSuccess: true, asset: null },
      {
        runId: gid('Run', failed),
        assetName: 'Goals',
        value: null,
        runtimeMs: 12,
        isSuccess: false,
        asset: { id: gid('Asset', own) },
      },
    ]);
  });

  it('charges no service for a text of the author', async () => {
    const { post } = await create(us.keys.EDITOR, { title: 'Own', contentHtml: '<p>Mine.</p>' });
    expect(post.costs).toEqual({ dataCredits: 0, serviceCredits: 0, totalCredits: 0 });
    expect(post.generation).toBeNull();
    expect(post.insights).toEqual([]);
  });

  it.each([
    ['', 0, 0],
    ['<p>one</p><p>two</p>', 2, 1],
    ['it&#39;s 3.5 well-known', 3, 1],
    ['a '.repeat(500), 500, 1],
    ['a '.repeat(501), 501, 2],
  ])('counts words: %#', (html, words, credits) => {
    expect([wordCount(html), serviceCreditsOf(html)]).toEqual([words, credits]);
  });

  it('edits, keeps what is left out, clears what is null, and minds the version', async () => {
    const { post } = await create(us.keys.EDITOR, { title: 'Old', category: 'A', teaser: 'B', contentHtml: 'x' });
    const edited = await mutate(
      us.keys.EDITOR,
      'postUpdate',
      { id: post.id, title: 'New', category: null, contentHtml: '<b>y</b><style>z</style>', expectedVersion: 1 },
      'removedHtml post { title category teaser contentHtml version lastEditedAt }',
    );
    expect(edited.removedHtml).toEqual(['style']);
    expect(edited.post).toMatchObject({
      title: 'New',
      category: null,
      teaser: 'B',
      contentHtml: '<b>y</b>',
      version: 2,
    });
    expect(Date.now() - Date.parse(edited.post.lastEditedAt)).toBeLessThan(60_000);
  });

  it('publishes and takes back, as often as one likes', async () => {
    const { post } = await create(us.keys.EDITOR, { title: 'News', contentHtml: '<p>x</p>' });
    const fields = 'post { isPublished publishedAt version }';
    const first = await mutate(us.keys.EDITOR, 'postPublish', { id: post.id }, fields);
    const second = await mutate(us.keys.EDITOR, 'postPublish', { id: post.id }, fields);
    expect(first.post).toMatchObject({ isPublished: true, version: 2 });
    expect(second.post).toEqual(first.post);
    const back = await mutate(us.keys.EDITOR, 'postUnpublish', { id: post.id }, `externalCopyCount ${fields}`);
    expect(back).toEqual({
      post: { isPublished: false, publishedAt: null, version: 3 },
      externalCopyCount: 0,
      userErrors: [],
    });
  });

  it('shows a published post to everybody, without the e-mail address of the author', async () => {
    const { post } = await create(us.keys.EDITOR, { title: 'Open', contentHtml: '<p>x</p>' });
    const read = () =>
      t.run(
        null,
        'query ($id: ID!) { publicPost(id: $id) { id title contentHtml authorName viewCount company { handle } } }',
        { id: post.id },
      );
    expect((await read()).data).toEqual({ publicPost: null });
    await mutate(us.keys.EDITOR, 'postPublish', { id: post.id }, 'post { id }');
    expect((await read()).data.publicPost).toEqual({
      id: post.id,
      title: 'Open',
      contentHtml: '<p>x</p>',
      authorName: us.users.EDITOR.name,
      viewCount: 0,
      company: { handle: 'us' },
    });
    const { errors } = await t.run(null, 'query ($id: ID!) { publicPost(id: $id) { author { email } } }', {
      id: post.id,
    });
    expect(errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  it('counts a reader once in any half hour, over midnight too, whoever comes at once', async () => {
    const clock = (time: string): unknown => vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(time) });
    clock('2026-03-01T10:29:59Z');
    const post = await t.world.post(us.company.id, us.users.EDITOR.id, { isPublished: true, publishedAt: new Date() });
    const view = async (agent: string) =>
      (
        await t.run(
          null,
          'mutation ($input: PostViewInput!) { postView(input: $input) { viewCount isCounted userErrors { code } } }',
          { input: { postId: gid('Post', post) } },
          { headers: { 'user-agent': agent } },
        )
      ).data.postView;
    expect(await view('one')).toEqual({ viewCount: 1, isCounted: true, userErrors: [] });
    expect(await view('one')).toEqual({ viewCount: 1, isCounted: false, userErrors: [] });
    const many = await Promise.all(Array.from({ length: 12 }, (_, i) => view(`reader ${i % 4}`)));
    expect(many.filter((answer) => answer.isCounted)).toHaveLength(4);
    expect((await stored(post.id)).viewCount).toBe(5);
    const views = await t.app.database.prisma.postView.findMany({ where: { postId: post.id } });
    expect(views).toHaveLength(5);
    const viewAt = async (time: string): Promise<[number, boolean]> => {
      clock(time);
      const { viewCount, isCounted } = await view('one');
      return [viewCount, isCounted];
    };
    expect(await viewAt('2026-03-01T10:30:01Z')).toEqual([5, false]);
    expect(await viewAt('2026-03-01T10:59:58Z')).toEqual([5, false]);
    expect(await viewAt('2026-03-01T10:59:59Z')).toEqual([6, true]);
    expect(await viewAt('2026-03-01T23:50:00Z')).toEqual([7, true]);
    expect(await viewAt('2026-03-02T00:10:00Z')).toEqual([7, false]);
    expect(await viewAt('2026-03-02T00:20:00Z')).toEqual([8, true]);
    expect(await viewAt('2026-03-02T00:49:00Z')).toEqual([8, false]);
  });

  it('lists, filters, searches and sums up the posts of the company', async () => {
    const own = await t.tenant();
    const author = own.users.ANALYST.id;
    await t.world.post(own.company.id, author, {
      title: 'A rainy day',
      category: 'Weather',
      viewCount: 3,
      dataCostCredits: 2,
    });
    await t.world.post(own.company.id, author, {
      title: 'B',
      category: 'Weather',
      isPublished: true,
      publishedAt: new Date('2026-01-02T00:00:00Z'),
      viewCount: 4,
      serviceCostCredits: 1,
    });
    await t.world.post(own.company.id, own.users.EDITOR.id, { title: 'C' });
    await t.world.post(own.company.id, author, { title: 'Gone', category: 'Weather', active: false, viewCount: 100 });
    const { data } = await t.run(
      own.keys.VIEWER,
      `query ($author: ID!) { company {
        all: posts(orderBy: {field: TITLE, direction: ASC}) { nodes { title } totalCount { value } }
        weather: posts(where: {category: {eq: "Weather"}, isPublished: {eq: false}}) { nodes { title } }
        mine: posts(where: {authorId: {eq: $author}}) { totalCount { value } }
        rain: posts(search: "RAIN") { nodes { title } }
        user(id: $author) { posts(orderBy: {field: VIEW_COUNT, direction: DESC}) { nodes { title } } }
        postSummary { totalCount publishedCount draftCount viewCount totalCredits lastPublishedAt categories { category count } } } }`,
      { author: gid('User', author) },
    );
    const titles = (list: { nodes: { title: string }[] }): string[] => list.nodes.map((post) => post.title);
    expect(titles(data.company.all)).toEqual(['A rainy day', 'B', 'C']);
    expect(data.company.all.totalCount.value).toBe(3);
    expect(titles(data.company.weather)).toEqual(['A rainy day']);
    expect(data.company.mine.totalCount.value).toBe(2);
    expect(titles(data.company.rain)).toEqual(['A rainy day']);
    expect(titles(data.company.user.posts)).toEqual(['B', 'A rainy day']);
    expect(data.company.postSummary).toEqual({
      totalCount: 3,
      publishedCount: 1,
      draftCount: 2,
      viewCount: 7,
      totalCredits: 3,
      lastPublishedAt: '2026-01-02T00:00:00.000Z',
      categories: [
        { category: 'Weather', count: 2 },
        { category: null, count: 1 },
      ],
    });
  });

  it('sends as many statements for 20 posts as for one', async () => {
    const own = await t.tenant();
    const document =
      'query ($n: Int!) { company { posts(first: $n) { nodes { title author { name } insights { asset { name } } publications { nodes { status } } } } } }';
    const asset = await t.world.asset(own.company.id);
    for (let i = 0; i < 20; i++) {
      await t.world.post(own.company.id, own.users.EDITOR.id, {
        insightsUsed: [
          { runId: newId(), assetId: asset.id, assetName: 'x', value: '1', runtimeMs: 1, isSuccess: true },
        ],
      });
    }
    await t.run(own.keys.VIEWER, document, { n: 1 });
    const one = await t.statements(() => t.run(own.keys.VIEWER, document, { n: 1 }));
    const twenty = await t.statements(async () => {
      const { data } = await t.run(own.keys.VIEWER, document, { n: 20 });
      expect(data.company.posts.nodes).toHaveLength(20);
    });
    expect(twenty).toHaveLength(one.length);
  });

  it('does not read the articles where only titles are asked for', async () => {
    const seen = await t.statements(() => t.run(us.keys.VIEWER, '{ company { posts { nodes { title } } } }'));
    expect(seen.join()).toContain('from "Post"');
    expect(seen.join()).not.toContain('contentHtml');
  });
});

describe('posts refuse', () => {
  const path = (userErrors: { code: string; path: string[] }[]) => userErrors.map((error) => [error.code, error.path]);

  it('HTML of which nothing is left', async () => {
    const { post, userErrors } = await create(us.keys.EDITOR, { title: 'x', contentHtml: '<script>1</script>' });
    expect(post).toBeNull();
    expect(path(userErrors)).toEqual([['VALIDATION', ['input', 'contentHtml']]]);
  });

  it('HTML with more tags than are read in good time', async () => {
    const most = '<hr>'.repeat(20_000);
    expect((await create(us.keys.EDITOR, { title: 'x', contentHtml: most })).userErrors).toEqual([]);
    const { post, userErrors } = await create(us.keys.EDITOR, { title: 'x', contentHtml: `${most}<` });
    expect([post, path(userErrors)]).toEqual([null, [['VALIDATION', ['input', 'contentHtml']]]]);
  });

  it('runs that are not there, not of an asset, or not at an end, all at once', async () => {
    const foreignAsset = await t.world.asset(them.company.id);
    const foreign = await run(them.company.id, { assetId: foreignAsset.id });
    const connection = await t.world.connection(us.company.id);
    const endpoint = await t.world.endpoint(us.company.id, connection.id);
    const page = await run(us.company.id, { endpointId: endpoint.id, kind: 'PAGE' });
    const running = await run(us.company.id, { assetId: foreignAsset.id, status: 'RUNNING', finishedAt: null });
    const { userErrors } = await create(us.keys.EDITOR, {
      title: 'x',
      contentHtml: '<script>x</script>',
      runIds: [foreign, page, running].map((one) => gid('Run', one)),
    });
    expect(path(userErrors)).toEqual([
      ['VALIDATION', ['input', 'contentHtml']],
      ['NOT_FOUND', ['input', 'runIds', '0']],
      ['VALIDATION', ['input', 'runIds', '1']],
      ['VALIDATION', ['input', 'runIds', '2']],
    ]);
  });

  it('an old version, and says which is the new one', async () => {
    const post = await t.world.post(us.company.id, us.users.EDITOR.id, { version: 3 });
    const answer = await mutate(
      us.keys.EDITOR,
      'postUpdate',
      { id: gid('Post', post), title: 'x', expectedVersion: 2 },
      'post { id }',
    );
    expect(path(answer.userErrors)).toEqual([['VERSION_CONFLICT', ['input', 'expectedVersion']]]);
    expect((await stored(post.id)).title).toBe(post.title);
  });

  it('views of drafts and of deleted posts', async () => {
    const draft = await t.world.post(us.company.id, us.users.EDITOR.id);
    const gone = await t.world.post(us.company.id, us.users.EDITOR.id, {
      isPublished: true,
      publishedAt: new Date(),
      active: false,
    });
    for (const post of [draft, gone]) {
      const answer = await mutate(null, 'postView', { postId: gid('Post', post) }, 'viewCount isCounted');
      expect(path(answer.userErrors)).toEqual([['NOT_FOUND', ['input', 'postId']]]);
      expect((await stored(post.id)).viewCount).toBe(0);
    }
  });

  it('a key without a user as an author', async () => {
    const { secret } = await t.world.apiKey(us.company.id, 'EDITOR');
    const { userErrors } = await create(secret, { title: 'x', contentHtml: 'x' });
    expect(path(userErrors)).toEqual([['FORBIDDEN', null]]);
  });

  it('what was deleted', async () => {
    const post = await t.world.post(us.company.id, us.users.EDITOR.id, { isPublished: true, publishedAt: new Date() });
    const id = gid('Post', post);
    expect(await mutate(us.keys.EDITOR, 'postDelete', { id }, 'deletedId')).toEqual({ deletedId: id, userErrors: [] });
    const again = await mutate(us.keys.EDITOR, 'postDelete', { id }, 'deletedId');
    expect(path(again.userErrors)).toEqual([['NOT_FOUND', ['input', 'id']]]);
    const { data } = await t.run(
      us.keys.EDITOR,
      'query ($id: ID!) { publicPost(id: $id) { id } node(id: $id) { id } company { post(id: $id) { id } } }',
      { id },
    );
    expect(data).toEqual({ publicPost: null, node: null, company: { post: null } });
    expect((await stored(post.id)).active).toBe(false);
  });
});

describe('posts guard', () => {
  it('lets nobody change or see a post of another company', async () => {
    const post = await t.world.post(them.company.id, them.users.EDITOR.id);
    const id = gid('Post', post);
    for (const [name, input] of [
      ['postUpdate', { title: 'x' }],
      ['postDelete', {}],
      ['postPublish', {}],
      ['postUnpublish', {}],
    ] as const) {
      const answer = await mutate(us.keys.OWNER, name, { id, ...input }, '__typename');
      expect(answer.userErrors).toEqual([{ code: 'NOT_FOUND', message: 'No such post.', path: ['input', 'id'] }]);
    }
    expect(await stored(post.id)).toEqual(post);
    const { data } = await t.run(
      us.keys.OWNER,
      'query ($id: ID!) { node(id: $id) { id } company { post(id: $id) { id } } }',
      { id },
    );
    expect(data).toEqual({ node: null, company: { post: null } });
  });

  it.each(['ANALYST', 'VIEWER', 'OPERATOR'] as const)('lets a %s write nothing', async (role) => {
    const before = await t.app.database.prisma.post.count();
    const { userErrors } = await create(us.keys[role], { title: 'x', contentHtml: 'x' });
    expect(userErrors[0].code).toBe('FORBIDDEN');
    expect(await t.app.database.prisma.post.count()).toBe(before);
  });

  it('asks the anonymous for a credential', async () => {
    const { errors } = await t.run(null, CREATE, { input: { title: 'x', contentHtml: 'x' } });
    expect(errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});
