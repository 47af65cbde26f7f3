import { expect } from 'vitest';
import { webhookSecret } from '../helpers/platform-servers.ts';
import { keyOf, posts as demo, users } from './demo.ts';
import { userErrors, type Row } from './row.ts';

const PUBLIC = 'query ($id: ID!) { publicPost(id: $id) { title viewCount } }';

export const posts: Row[] = [
  {
    id: 'OP-098',
    rest: 'GET /companies/{company_id}/posts',
    what: 'The articles of the company.',
    field: 'company.posts',
    document: `query Posts {
      company { posts(first: 10, where: { isPublished: { eq: true } }, orderBy: { field: VIEW_COUNT, direction: DESC }) { totalCount { value } nodes { title category viewCount author { name } } } }
    }`,
    check({ company: { posts: found } }) {
      expect(found).toEqual({
        totalCount: { value: 3 },
        nodes: [
          {
            title: 'What we learn from Home Advantage Index',
            category: 'Business',
            viewCount: 111,
            author: { name: 'Lena Fischer' },
          },
          {
            title: 'What we learn from Closing-Price Favourite Strike Rate',
            category: 'Markets',
            viewCount: 74,
            author: { name: 'Ravi Menon' },
          },
          {
            title: 'What we learn from Lowest Bookmaker Margin at Close',
            category: 'Research',
            viewCount: 37,
            author: { name: 'Lena Fischer' },
          },
        ],
      });
    },
  },
  {
    id: 'OP-100',
    rest: 'GET /companies/{company_id}/posts/summary',
    what: 'Counts of the articles of the company.',
    field: 'company.postSummary',
    document: `query PostSummary {
      company { postSummary { totalCount publishedCount draftCount viewCount totalCredits lastPublishedAt categories { category count } } }
    }`,
    check({ company: { postSummary } }) {
      expect(postSummary).toEqual({
        totalCount: 4,
        publishedCount: 3,
        draftCount: 1,
        viewCount: 222,
        totalCredits: 4,
        lastPublishedAt: expect.any(String),
        categories: ['Business', 'Markets', 'Research', 'Sports'].map((category) => ({ category, count: 1 })),
      });
    },
  },
  {
    id: 'OP-099',
    rest: 'POST /companies/{company_id}/posts',
    what: 'Stores an article as a draft; what its HTML must not have is taken out and named.',
    field: 'postCreate',
    document: `mutation PostCreate($input: PostCreateInput!) {
      postCreate(input: $input) { post { id title contentHtml isPublished author { id } costs { dataCredits serviceCredits totalCredits } version } removedHtml ${userErrors} }
    }`,
    variables: () => ({
      input: {
        title: 'Home advantage is back',
        category: 'Sports',
        contentHtml: '<h2>March</h2><p onclick="steal()">Half a point.</p><script>steal()</script>',
      },
    }),
    async check({ postCreate: { post, removedHtml } }, w) {
      expect(post).toEqual({
        id: expect.any(String),
        title: 'Home advantage is back',
        contentHtml: '<h2>March</h2><p>Half a point.</p>',
        isPublished: false,
        author: { id: users.owner },
        costs: { dataCredits: 0, serviceCredits: 0, totalCredits: 0 },
        version: 1,
      });
      expect(removedHtml.toSorted()).toEqual(['p[onclick]', 'script']);
      w.kept['postId'] = post.id;
      expect(await w.refused(this.document, { input: { title: '', contentHtml: '<p>x</p>' } })).toEqual([
        'VALIDATION input.title',
      ]);
    },
  },
  {
    id: 'OP-102',
    rest: 'GET /companies/{company_id}/posts/{post_id}',
    what: 'One article.',
    field: 'company.post',
    document: `query Post($id: ID!) { company { post(id: $id) { title category teaser contentHtml isPublished publishedAt viewCount } } }`,
    variables: (kept) => ({ id: kept['postId'] }),
    async check({ company: { post } }, w) {
      expect(post).toEqual({
        title: 'Home advantage is back',
        category: 'Sports',
        teaser: null,
        contentHtml: '<h2>March</h2><p>Half a point.</p>',
        isPublished: false,
        publishedAt: null,
        viewCount: 0,
      });
      expect(await w.ask(this.document, this.variables?.(w.kept), 'buyer')).toEqual({ company: { post: null } });
    },
  },
  {
    id: 'OP-103',
    rest: 'PATCH /companies/{company_id}/posts/{post_id}',
    what: 'Edits an article and notes when.',
    field: 'postUpdate',
    document: `mutation PostUpdate($input: PostUpdateInput!) {
      postUpdate(input: $input) { post { title teaser lastEditedAt version } removedHtml ${userErrors} }
    }`,
    variables: (kept) => ({
      input: { id: kept['postId'], title: 'Home advantage returns', teaser: 'Half a point.', expectedVersion: 1 },
    }),
    async check({ postUpdate: { post, removedHtml } }, w) {
      expect(post).toMatchObject({ title: 'Home advantage returns', teaser: 'Half a point.', version: 2 });
      expect(Date.now() - Date.parse(post.lastEditedAt)).toBeLessThan(60_000);
      expect(removedHtml).toEqual([]);
      const { company } = await w.ask(
        'query ($id: ID!) { company { post(id: $id) { title teaser lastEditedAt version contentHtml } } }',
        { id: w.kept['postId'] },
      );
      expect(company.post).toEqual({ ...post, contentHtml: '<h2>March</h2><p>Half a point.</p>' });
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual([
        'VERSION_CONFLICT input.expectedVersion',
      ]);
    },
  },
  {
    id: 'OP-104',
    rest: 'GET /companies/{company_id}/posts/{post_id}/publications',
    what: 'Where copies of an article are, and what failed.',
    field: 'post.publications',
    document: `query Publications($id: ID!) {
      company { post(id: $id) { publications { nodes { platform status externalPostUrl errorMessage integration { platformName } } } } }
    }`,
    variables: () => ({ id: demo.strikeRate }),
    check({ company: { post } }) {
      expect(post.publications.nodes).toEqual([
        {
          platform: 'WEBHOOK',
          status: 'FAILED',
          externalPostUrl: null,
          errorMessage: 'The webhook answered 503.',
          integration: { platformName: 'Newsroom webhook' },
        },
      ]);
    },
  },
  {
    id: 'OP-105',
    rest: 'POST /companies/{company_id}/posts/{post_id}/publish',
    what: 'Lets everybody read an article; again changes nothing.',
    field: 'postPublish',
    document: `mutation PostPublish($input: PostPublishInput!) {
      postPublish(input: $input) { post { isPublished publishedAt } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['postId'] } }),
    async check({ postPublish: { post } }, w) {
      expect(post).toEqual({ isPublished: true, publishedAt: expect.any(String) });
      const read = await w.ask(PUBLIC, { id: w.kept['postId'] }, 'anonymous');
      expect(read.publicPost).toEqual({ title: 'Home advantage returns', viewCount: 0 });
      const again = await w.ask(this.document, this.variables?.(w.kept));
      expect(again.postPublish.post).toEqual(post);
    },
  },
  {
    id: 'OP-108',
    rest: 'POST /companies/{company_id}/posts/{post_id}/view',
    what: 'Counts a reader, at most once in half an hour; for everybody.',
    field: 'postView',
    as: 'anonymous',
    document: `mutation PostView($input: PostViewInput!) { postView(input: $input) { viewCount isCounted ${userErrors} } }`,
    variables: (kept) => ({ input: { postId: kept['postId'] } }),
    async check({ postView }, w) {
      expect(postView).toEqual({ viewCount: 1, isCounted: true, userErrors: [] });
      const again = await w.ask(this.document, this.variables?.(w.kept), 'anonymous');
      expect(again.postView).toEqual({ viewCount: 1, isCounted: false, userErrors: [] });
      const read = await w.ask(PUBLIC, { id: w.kept['postId'] }, 'anonymous');
      expect(read.publicPost.viewCount).toBe(1);
      expect(await w.refused(this.document, { input: { postId: demo.draft } }, 'anonymous')).toEqual([
        'NOT_FOUND input.postId',
      ]);
    },
  },
  {
    id: 'OP-106',
    rest: 'POST /companies/{company_id}/posts/{post_id}/publish/{integration_id}',
    what: 'Puts a copy on another platform, or brings the copy there up to date.',
    field: 'postPublishExternally',
    document: `mutation PostPublishExternally($input: PostPublishExternallyInput!) {
      postPublishExternally(input: $input) { publication { id platform status externalPostId externalPostUrl errorMessage publishedAt } ${userErrors} }
    }`,
    variables: (kept) => ({ input: { postId: kept['postId'], integrationId: kept['integrationId'] } }),
    async prepare(w) {
      const { integrationCreate } = await w.ask(
        `mutation ($input: IntegrationCreateInput!) { integrationCreate(input: $input) { integration { id } ${userErrors} } }`,
        {
          input: {
            platform: 'WEBHOOK',
            platformName: 'Our site',
            credentials: { url: w.kept['receiverUrl'], secret: webhookSecret },
          },
        },
      );
      w.kept['integrationId'] = integrationCreate.integration.id;
    },
    async check({ postPublishExternally: { publication } }, w) {
      expect(publication).toMatchObject({
        platform: 'WEBHOOK',
        status: 'PUBLISHED',
        externalPostUrl: 'https://receiver.test/a',
        errorMessage: null,
      });
      expect(w.receiver.posts).toHaveLength(1);
      expect(JSON.stringify(w.receiver.posts[0])).toContain('Home advantage returns');
      const again = await w.ask(this.document, this.variables?.(w.kept));
      expect(again.postPublishExternally.publication.id).toBe(publication.id);
      const { company } = await w.ask(
        'query ($id: ID!, $site: ID!) { company { post(id: $id) { publications { nodes { id status } } } integration(id: $site) { lastUsedAt } } }',
        { id: w.kept['postId'], site: w.kept['integrationId'] },
      );
      expect(company.post.publications.nodes).toEqual([{ id: publication.id, status: 'PUBLISHED' }]);
      expect(Date.now() - Date.parse(company.integration.lastUsedAt)).toBeLessThan(60_000);
      w.receiver.next.push({ status: 410, json: {} });
      const failing = { input: { postId: demo.strikeRate, integrationId: w.kept['integrationId'] } };
      expect(await w.refused(this.document, failing)).toEqual(['PLATFORM_FAILED']);
      const rows = await w.sql(
        'select status::text, "errorMessage" as error from "Publication" where "postId" = $1 and "integrationId" = $2',
        [keyOf(demo.strikeRate), keyOf(w.kept['integrationId'] ?? '')],
      );
      expect(rows).toEqual([{ status: 'FAILED', error: 'The webhook answered 410.' }]);
    },
  },
  {
    id: 'OP-107',
    rest: 'POST /companies/{company_id}/posts/{post_id}/unpublish',
    what: 'Makes an article a draft again, and says how many copies stay elsewhere.',
    field: 'postUnpublish',
    document: `mutation PostUnpublish($input: PostUnpublishInput!) {
      postUnpublish(input: $input) { post { isPublished } externalCopyCount ${userErrors} }
    }`,
    variables: (kept) => ({ input: { id: kept['postId'] } }),
    async check({ postUnpublish }, w) {
      expect(postUnpublish).toMatchObject({ post: { isPublished: false }, externalCopyCount: 1 });
      expect(await w.ask(PUBLIC, { id: w.kept['postId'] }, 'anonymous')).toEqual({ publicPost: null });
    },
  },
  {
    id: 'OP-101',
    rest: 'DELETE /companies/{company_id}/posts/{post_id}',
    what: 'Deletes an article; copies stay where they are.',
    field: 'postDelete',
    document: `mutation PostDelete($input: PostDeleteInput!) { postDelete(input: $input) { deletedId ${userErrors} } }`,
    variables: (kept) => ({ input: { id: kept['postId'] } }),
    async check({ postDelete }, w) {
      const id = w.kept['postId'] ?? '';
      expect(postDelete.deletedId).toBe(id);
      const { company } = await w.ask(
        'query ($id: ID!) { company { post(id: $id) { id } posts { totalCount { value } } } }',
        { id },
      );
      expect(company).toEqual({ post: null, posts: { totalCount: { value: 4 } } });
      expect(await w.sql('select active from "Post" where id = $1', [keyOf(id)])).toEqual([{ active: false }]);
      expect(await w.refused(this.document, this.variables?.(w.kept))).toEqual(['NOT_FOUND input.id']);
    },
  },
];
