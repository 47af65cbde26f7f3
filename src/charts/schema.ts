import { builder, type ModelRow } from '../graph/builder.ts';
import { outcomeOf, type RunWithOutcome } from '../usage/outcome.ts';
import { pictureNow } from './answer.ts';
import type { Picture } from './render.ts';
import { chartUrl, pictureOf, type PictureInput } from './service.ts';

const ChartFormat = builder.enumType('ChartFormat', {
  description: 'What a picture is made of.',
  values: {
    SVG: { description: 'Lines and letters, sharp at any size.' },
    PNG: { description: 'Pixels, for where SVG is not taken.' },
  },
});

const ChartPicture = builder.objectRef<Picture>('ChartPicture').implement({
  description: 'A chart as a picture.',
  fields: (t) => ({
    mediaType: t.exposeString('mediaType', { description: 'image/svg+xml or image/png.' }),
    width: t.exposeInt('width', { description: 'Pixels across.' }),
    height: t.exposeInt('height', { description: 'Pixels down.' }),
    svg: t.string({
      nullable: true,
      description: 'The SVG document; null for a PNG.',
      resolve: ({ mediaType, body }) => (mediaType === 'image/svg+xml' ? body.toString() : null),
    }),
    dataUri: t.string({
      description: 'The picture as a data: address, for the `src` of an image.',
      resolve: ({ mediaType, body }) => `data:${mediaType};base64,${body.toString('base64')}`,
    }),
  }),
});

const said = {
  format: 'What it is made of.',
  width: 'Pixels across, 100 to 2000.',
  height: 'Pixels down, 100 to 2000.',
  parameters: 'Values of its parameters by name.',
};

builder.prismaObjectField('Run', 'chart', (t) =>
  t.field({
    type: ChartPicture,
    nullable: true,
    cost: 20,
    description: 'Its chart as a picture, in the answer of the run alone; null where it came to no chart.',
    args: {
      format: t.arg({ type: ChartFormat, defaultValue: 'SVG', description: said.format }),
      width: t.arg.int({ defaultValue: 800, description: said.width }),
      height: t.arg.int({ defaultValue: 500, description: said.height }),
    },
    resolve: (run, args) => pictureOf(outcomeOf(run as RunWithOutcome), args),
  }),
);

builder.objectField('AssetChart' as never, 'picture', (t) =>
  t.field({
    type: ChartPicture,
    nullable: true,
    access: 'products:run',
    cost: 50,
    description:
      'The chart as a picture as it is now: of the kept result where the asset keeps one, else of one that is at most a minute old. Free, and no run.',
    args: {
      format: t.arg({ type: ChartFormat, defaultValue: 'SVG', description: said.format }),
      width: t.arg.int({ defaultValue: 800, description: said.width }),
      height: t.arg.int({ defaultValue: 500, description: said.height }),
      parameters: t.arg({ type: 'JSON', description: said.parameters }),
    },
    resolve: (asset, args, ctx) => pictureNow(ctx, (asset as { id: string }).id, args as PictureInput),
  }),
);

const ABOUT_URL =
  'The address of its chart as a picture, for mails and pages: whoever has it sees the chart as it is then, for free, for a day. Null where it is no chart';

for (const [type, more] of [
  ['Asset', { access: 'products:run', description: `${ABOUT_URL}.` }],
  ['AssetListing', { description: `${ABOUT_URL}, or costs credits, or the caller may not run it.` }],
] as const) {
  // The listing is declared to the right of here, so it goes by its name.
  builder.objectField(type as never, 'chartUrl', (t) =>
    t.field({
      type: 'URL',
      nullable: true,
      cost: 1,
      ...more,
      args: {
        format: t.arg({ type: ChartFormat, defaultValue: 'SVG', description: said.format }),
        width: t.arg.int({ defaultValue: 800, description: said.width }),
        height: t.arg.int({ defaultValue: 500, description: said.height }),
        parameters: t.arg({ type: 'JSON', description: said.parameters }),
      },
      resolve: (asset, args, ctx) => chartUrl(ctx, asset as ModelRow<'Asset'>, args as PictureInput),
    }),
  );
}
