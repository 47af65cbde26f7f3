import { builder } from '../graph/builder.ts';
import { load } from '../lists/loader.ts';
import { paidCents, receiptEntries, type ReceiptEntry } from './loaders.ts';
import { usdOf } from './credits.ts';

/** What makes a run its own receipt: the price that was paid and the entries that moved it. */

const JournalEntry = builder.objectRef<ReceiptEntry>('JournalEntry').implement({
  description: 'An entry of the journal in an account of a company. Those of a run sum to what it cost, never changed.',
  fields: (t) => ({
    kind: t.field({
      type: builder.enumType('JournalEntryKind', {
        description: 'What moved the credits.',
        values: {
          RESERVE: { description: 'The run began: they are set aside.' },
          SETTLE: { description: 'It succeeded: they are paid.' },
          RELEASE: { description: 'It failed, was cancelled or cost less: they come back.' },
        },
      }),
      description: 'What moved the credits.',
      resolve: ({ kind }) => kind,
    }),
    account: t.field({
      type: builder.enumType('JournalAccountKind', {
        description: 'An account of a buyer.',
        values: {
          BUYER_CREDITS: { description: 'What it can spend: `creditsBalance`.' },
          BUYER_RESERVED: { description: 'What is set aside for runs at work.' },
        },
      }),
      description: 'The account.',
      resolve: ({ account }) => account,
    }),
    credits: t.exposeInt('credits', { description: 'Credits that came into the account; below 0: that left it.' }),
    at: t.field({ type: 'DateTime', description: 'When.', resolve: ({ at }) => at }),
  }),
});

builder.prismaObjectFields('Run', (t) => ({
  priceUsd: t.field({
    type: 'Decimal',
    cost: 1,
    description: 'US dollars that were charged, the sale of that moment taken off; 0.00 where nothing was.',
    resolve: async ({ id, isBilled }, _, ctx) => usdOf(isBilled ? await load(ctx, paidCents, id) : 0),
  }),
  entries: t.field({
    type: [JournalEntry],
    cost: 2,
    description:
      'Its entries in the accounts of the company that asked for it, in their order, at most 10; none where it was free.',
    resolve: ({ id, companyId }, _, ctx) => load(ctx, receiptEntries, { run: id, company: companyId }),
  }),
}));
