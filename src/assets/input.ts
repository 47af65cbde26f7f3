import { z } from 'zod';
import type { Asset } from '../generated/prisma/client.ts';
import {
  bool,
  changeable,
  clearable,
  defaulted,
  each,
  enumOf,
  expectedVersion,
  idOfType,
  inputObject,
  int,
  json,
  listOfInput,
  optional,
  text,
  type InputField,
} from '../graph/input.ts';
import {
  AssetSource,
  AssetType,
  ParameterTypeEnum,
  VizAggregation,
  VizChartLibrary,
  VizChartType,
  VizColorScheme,
  VizFilterDirection,
  VizSortDirection,
} from '../graph/product-enums.ts';
import { nullableOfProduct, productName, solidOfProduct } from '../graph/product-input.ts';
import type { AnswerColumn } from '../warehouse/engine.ts';
import { MAX_PARAMETERS, type Parameter } from './params.ts';

const scalar = z.union([z.string().max(1000), z.number(), z.boolean(), z.null()]);

const parameter = inputObject('AssetParameterInput', 'A `:name` in the SQL.', {
  name: text('The name, without the colon.', 63),
  type: enumOf<Parameter['type']>(ParameterTypeEnum, 'What values it takes.'),
  isRequired: defaulted(bool('Whether a run must give it.'), false),
  defaultValue: optional(json('What it is when a run does not give it.', scalar)),
  allowedValues: optional(listOfInput(json('A value.', scalar), 'All values it takes; left out for any.', 200)),
  description: optional(text('What it means.', 500)),
});
// Left out means none.
const answerColumn = inputObject('AnswerColumnInput', 'A column of the rows that a language model answers.', {
  name: {
    ...text('Its name: letters, digits and _.', 63),
    rule: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'Takes letters, digits and _, at most 63.'),
  },
  type: enumOf<AnswerColumn['type']>(ParameterTypeEnum, 'What its cells are; each may be null.'),
});
const answerColumns = {
  ...listOfInput(
    { ...answerColumn.as('A column.') },
    'The columns of the rows that a language model answers, for DATA; none for one text.',
    50,
  ),
};
const parameters = { ...listOfInput({ ...parameter.as('A parameter.') }, 'The `:name`s of the SQL.', MAX_PARAMETERS) };

const column = (what: string): InputField<string> => text(what, 200);
/** May be empty. */
const nullable = {
  ...nullableOfProduct,
  connectionId: idOfType('Connection', 'The connection that it runs on.'),
  functionId: text('The function or model behind an external API.', 255),
  prompt: text(
    'What a language model is told to do. `:name` stands for a parameter, which the model gets as data beside it, never in it.',
    20_000,
  ),
  sqlLogic: text('One read-only statement. `:name` is a parameter.', 100_000),
  vizSpec: json(
    'A Plotly figure with `…src` keys naming columns; comes before the chart settings.',
    z.record(z.string(), z.unknown()),
  ),
  vizChartLibrary: enumOf<NonNullable<Asset['vizChartLibrary']>>(VizChartLibrary, 'What the chart was made for.'),
  vizChartType: enumOf<NonNullable<Asset['vizChartType']>>(VizChartType, 'The kind of chart.'),
  vizIndepVarColName: column('The column of x.'),
  vizDepVarColName: column('The column of y.'),
  vizSizeColName: column('The column of the bubble size.'),
  vizColorColName: column('The column of the colour: a trace for each value.'),
  vizDataLimit: int('How many points are kept.', 1, 100_000),
  schedule: text(
    'When its kept result is computed anew with the default parameters, for free: a cron expression of five fields in UTC. For assets with `cached`.',
    100,
  ),
};

/** Never empty; the database has a value where none is given. */
const solid = {
  ...solidOfProduct,
  restrictedDomains: listOfInput(text('A domain.', 253), 'Domains that may not use it.', 100),
  requireCustomization: bool('Whether it needs customising before use.'),
  vizDataAggregation: enumOf<Asset['vizDataAggregation']>(VizAggregation, 'How rows with the same x are put together.'),
  vizSortDirection: enumOf<Asset['vizSortDirection']>(VizSortDirection, 'How points are sorted by y.'),
  vizFilterDirection: enumOf<Asset['vizFilterDirection']>(VizFilterDirection, 'Which points a limit keeps.'),
  vizColorScheme: enumOf<Asset['vizColorScheme']>(VizColorScheme, 'Its colours.'),
  vizShowLegend: bool('Whether there is a legend.'),
  vizShowGrid: bool('Whether there is a grid.'),
  vizShowTrendline: bool('Whether lines and points get a trend.'),
  vizLineSmoothing: bool('Whether lines are smooth.'),
  vizBarStacked: bool('Whether bars are stacked instead of grouped.'),
  allowParams: bool('Whether callers may give parameters.'),
  acceptTerms: bool('Whether the seller accepts the terms.'),
  cached: bool('Whether results are kept for the refresh frequency.'),
};

export const createFields = {
  name: productName,
  assetType: enumOf<Asset['assetType']>(AssetType, 'What it answers.'),
  source: defaulted(enumOf<Asset['source']>(AssetSource, 'How it came about.'), 'MANUAL'),
  parameters: defaulted(parameters as InputField<Parameter[]>, []),
  answerColumns: defaulted(answerColumns as InputField<AnswerColumn[]>, []),
  ...each<typeof nullable, null>(nullable, optional),
  ...each<typeof solid, null>(solid, optional),
};

export const updateFields = {
  id: idOfType('Asset', 'The asset.'),
  expectedVersion,
  name: changeable(productName),
  assetType: changeable(enumOf<Asset['assetType']>(AssetType, 'What it answers.')),
  parameters: changeable(parameters as InputField<Parameter[]>),
  answerColumns: changeable(answerColumns as InputField<AnswerColumn[]>),
  ...each<typeof nullable, null | undefined>(nullable, clearable),
  ...each<typeof solid, undefined>(solid, changeable),
};
