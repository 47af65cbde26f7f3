import { typeNamed } from '../graph/builder.ts';
import type { PostTone as Tone } from '../generated/prisma/client.ts';
import {
  bool,
  changeable,
  clearable,
  decimal,
  defaulted,
  enumOf,
  expectedVersion,
  html,
  idOfType,
  inputObject,
  int,
  listOfInput,
  optional,
  text,
} from '../graph/input.ts';
import { mutation } from '../graph/mutation.ts';
import { idOf } from '../graph/nodes.ts';
import { PostTone } from '../graph/product-enums.ts';
import { publishExternally } from './publish-externally.ts';
import { createPost, deletePost, publishPost, unpublishPost, updatePost } from './service.ts';
import { viewPost } from './view.ts';

const title = text('Its title.', 300);
const category = text('A free label, such as Sports.', 100);
const teaser = text('A short text that leads to it.', 1000);
const contentHtml = { ...html('The article. Scripts, handlers and frames are taken out.', 200_000), type: 'HTML' };
const id = idOfType('Post', 'The post.');
const post = { type: typeNamed('Post'), description: 'The post as it is now.' };
const removedHtml = {
  type: ['String'],
  description: 'Elements and attributes that were taken out of the HTML, such as `script` or `a[onclick]`, at most 20.',
};

const generation = inputObject('PostGenerationInput', 'How a text was generated.', {
  creativity: optional(int('How free the text was.', 0, 100)),
  targetWordCount: optional(int('Words that were asked for; null for as many as it takes.', 1, 50_000)),
  tone: optional(enumOf<Tone>(PostTone, 'Its tone.')),
  hasCitations: optional(bool('Whether sources were asked for.')),
  subheadingCount: optional(int('Subheadings that were asked for.', 2, 5)),
  temperature: optional(decimal('The temperature of the model; creativity / 50 unless said.', '0', '2', 2)),
  timeMs: optional(int('Milliseconds that generating took.', 0, 2_147_483_647)),
});

mutation('postCreate', {
  description: 'Stores an article as a draft of the caller.',
  access: 'posts:write',
  input: {
    title,
    category: optional(category),
    teaser: optional(teaser),
    contentHtml,
    runIds: defaulted(
      listOfInput(
        idOfType('Run', 'A run of an asset.'),
        'Runs of the company whose results the article uses: its data cost is what they were charged.',
        50,
      ),
      [],
    ),
    isGenerated: defaulted(
      bool('Whether the text was generated: then it costs one credit for each started 500 words.'),
      false,
    ),
    generation: optional(generation.as('How it was generated.')),
  },
  payload: { post, removedHtml },
  run: async (ctx, input) => ({ ...(await createPost(ctx, input)) }),
});

mutation('postUpdate', {
  description: 'Edits an article. Copies on other platforms change with the next postPublishExternally.',
  access: 'posts:write',
  input: {
    id,
    title: changeable(title),
    category: clearable(category),
    teaser: clearable(teaser),
    contentHtml: changeable(contentHtml),
    expectedVersion,
  },
  payload: { post, removedHtml },
  run: async (ctx, input) => ({ ...(await updatePost(ctx, input)) }),
});

mutation('postDelete', {
  description: 'Deletes an article. Copies on other platforms stay there.',
  access: 'posts:write',
  input: { id, expectedVersion },
  payload: { deletedId: { type: 'ID', description: 'The id that is gone.' } },
  run: async (ctx, input) => {
    await deletePost(ctx, input.id, input.expectedVersion);
    return { deletedId: idOf('Post')(input) };
  },
});

mutation('postPublish', {
  description: 'Lets everybody read an article. Doing it again changes nothing.',
  access: 'posts:write',
  input: { id },
  payload: { post },
  run: async (ctx, input) => ({ post: await publishPost(ctx, input.id) }),
});

mutation('postUnpublish', {
  description: 'Makes an article a draft again. Copies on other platforms stay there.',
  access: 'posts:write',
  input: { id },
  payload: { post, externalCopyCount: { type: 'Int', description: 'How many copies on other platforms stay.' } },
  run: async (ctx, input) => ({ ...(await unpublishPost(ctx, input.id)) }),
});

mutation('postPublishExternally', {
  description: 'Publishes an article on another platform through an integration, or brings the copy there up to date.',
  access: 'posts:write',
  cost: 100,
  isIdempotent: true,
  isLong: true,
  input: { postId: idOfType('Post', 'The post.'), integrationId: idOfType('Integration', 'The integration.') },
  payload: { publication: { type: typeNamed('Publication'), description: 'The publication.' } },
  run: async (ctx, input) => ({ publication: await publishExternally(ctx, input) }),
});

mutation('postView', {
  description:
    'Counts a reader of a published article, at most once in half an hour. The reader is kept as a hash that is another one each day.',
  access: 'public',
  cost: 2,
  input: { postId: idOfType('Post', 'The post.') },
  payload: {
    viewCount: { type: 'Int', description: 'How often it was read by now.' },
    isCounted: { type: 'Boolean', description: 'Whether this reader was counted now.' },
  },
  run: async (ctx, input) => ({ ...(await viewPost(ctx, input.postId)) }),
});
