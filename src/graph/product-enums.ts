import type { EnumRef } from '@pothos/core';
import { builder, type Schema } from './builder.ts';

/** Enums that several slices share; their values are those of the database. */
function enumOf<const V extends Record<string, string>>(
  name: string,
  description: string,
  values: V,
): EnumRef<Schema, keyof V & string> {
  const described = Object.fromEntries(Object.entries(values).map(([value, text]) => [value, { description: text }]));
  return builder.enumType(name, { description, values: described }) as never;
}

export const EngineType = enumOf('EngineType', 'What kind of engine it is.', {
  EDW: 'A data warehouse.',
  LLM: 'A language model.',
  RDBMS: 'A relational database.',
  OBJ: 'An object store.',
  API_MODEL: 'A model behind an API.',
  EXTERNAL_API: 'Another API.',
});
export const CredentialType = enumOf('CredentialType', 'How a connection signs in to its engine.', {
  SERVICE_ACCOUNT: 'The JSON key of a service account.',
  USERNAME_PASSWORD: 'A user and a password.',
  API_KEY: 'One key.',
  SERVICE_IDENTITY: 'The identity of the platform.',
  ACCESS_KEY: 'An access key and its secret.',
  NONE: 'Nothing is needed.',
  OAUTH: 'OAuth tokens.',
  JSON: 'A JSON document of the engine.',
  KEY_PAIR: 'A private key.',
  CLIENT_SECRET: 'A client and its secret.',
});
export const ApprovalStatus = enumOf('ApprovalStatus', 'How far the approval of a product is.', {
  PENDING: 'Nobody has looked yet.',
  APPROVED: 'It may be listed.',
  REJECTED: 'It may not be listed.',
  NEEDS_REVISION: 'It may be listed after changes.',
});
export const AssetSource = enumOf('AssetSource', 'How an asset came about.', {
  MANUAL: 'Made by hand.',
  AUTOMATIC: 'Proposed by a machine.',
});
export const AssetType = enumOf('AssetType', 'What an asset answers.', {
  CALCULATION: 'One number.',
  VISUALIZATION: 'A chart and the rows under it.',
  DATA: 'Rows.',
});
export const Visibility = enumOf('Visibility', 'Who sees a product beside the marketplace.', {
  PRIVATE: 'Its own company.',
  SHARED: 'Companies with a grant as well.',
});
export const VizChartLibrary = enumOf('VizChartLibrary', 'What a chart was made for.', {
  PLOTLY: 'Plotly.',
  MATPLOTLIB: 'Matplotlib.',
  SEABORN: 'Seaborn.',
});
export const VizChartType = enumOf('VizChartType', 'The kind of a chart.', {
  LINE: 'Lines.',
  BAR: 'Bars.',
  PIE: 'A pie.',
  DOUGHNUT: 'A pie with a hole.',
  POLAR: 'Bars around a centre.',
  RADAR: 'Lines around a centre.',
  BUBBLE: 'Points with a size.',
  SCATTER: 'Points.',
});
export const VizAggregation = enumOf('VizAggregation', 'How rows with the same x are put together.', {
  NONE: 'Not at all.',
  SUM: 'Their sum.',
  AVERAGE: 'Their mean.',
  COUNT: 'Their number.',
  MINIMUM: 'The smallest.',
  MAXIMUM: 'The largest.',
});
export const VizSortDirection = enumOf('VizSortDirection', 'How a chart is sorted by y.', {
  NONE: 'As the rows come.',
  ASCENDING: 'Smallest first.',
  DESCENDING: 'Largest first.',
});
export const VizFilterDirection = enumOf('VizFilterDirection', 'Which end of the rows a limited chart keeps.', {
  TOP: 'The largest y.',
  BOTTOM: 'The smallest y.',
});
export const VizColorScheme = enumOf('VizColorScheme', 'The colours of a chart.', {
  DEFAULT: 'The usual ones.',
  SEQUENTIAL: 'One hue, light to dark.',
  DIVERGING: 'Two hues from a middle.',
  CATEGORICAL: 'Hues far apart.',
  MONOCHROME: 'Greys.',
  PASTEL: 'Soft hues.',
  DARK: 'Deep hues.',
  LIGHT: 'Pale hues.',
});
export const GeographicCoverage = enumOf('GeographicCoverage', 'How much of the world the records cover.', {
  GLOBAL: 'The world.',
  CONTINENTAL: 'A continent.',
  REGIONAL: 'A region of several countries.',
  NATIONAL: 'A country.',
  STATE: 'A state.',
  LOCAL: 'A town or less.',
  CUSTOM: 'As the details say.',
  UNKNOWN: 'Not known.',
});
export const RefreshFrequency = enumOf('RefreshFrequency', 'How often the source is brought up to date.', {
  EVERY_SECOND: 'Each second.',
  EVERY_MINUTE: 'Each minute.',
  EVERY_HOUR: 'Each hour.',
  EVERY_DAY: 'Each day.',
  EVERY_WEEK: 'Each week.',
  EVERY_MONTH: 'Each month.',
  EVERY_QUARTER: 'Each quarter.',
  EVERY_YEAR: 'Each year.',
  NEVER: 'Never again.',
  UNKNOWN: 'Not known.',
});
export const RateLimitPeriod = enumOf('RateLimitPeriod', 'The window of a rate limit.', {
  SECOND: 'A second.',
  MINUTE: 'A minute.',
  HOUR: 'An hour.',
  DAY: 'A day.',
});
export const RateLimitGranularity = enumOf('RateLimitGranularity', 'Whose requests a rate limit counts together.', {
  USER: 'Those of a user.',
  COMPANY: 'Those of a company.',
  IP: 'Those from an address.',
  GLOBAL: 'All.',
});
export const AccessMethod = enumOf('AccessMethod', 'How callers of an endpoint show that they may.', {
  OPEN: 'Not at all: while it is listed and free, its customer address needs no credential. What costs credits needs one.',
  API_KEY: 'By an endpoint key, or by any credential that may process products.',
  IP: 'By their address.',
  EMAIL: 'By the e-mail address of their user.',
  DOMAIN: 'By the domain of that address.',
});
export const EndpointStatus = enumOf('EndpointStatus', 'Whether an endpoint runs.', {
  ACTIVE: 'It runs.',
  INACTIVE: 'It does not run.',
  DEPRECATED: 'It runs, and says that it will not for long.',
});
export const UserStatus = enumOf('UserStatus', 'Whether a user may sign in.', {
  ACTIVE: 'Yes.',
  PENDING: 'Not before an administrator activates them.',
  INACTIVE: 'Not any more.',
  BANNED: 'Never again.',
});
export const RoleName = enumOf('RoleName', 'What a user or key may do; each can all that the next below can.', {
  OWNER: 'All, also the roles of administrators, the EULA and payouts.',
  ADMIN: 'Also users, API keys and the company.',
  EDITOR: 'Also connections, products, prices, posts and integrations.',
  ANALYST: 'Also processes, tests, favorites and alerts.',
  VIEWER: 'Reads the company.',
  OPERATOR: 'Staff of the platform: approvals, shares, grants; no data of companies.',
});
export const KeyKind = enumOf('KeyKind', 'What an API key is for.', {
  ANALYTICS: 'The whole graph, by its role (`sk_…`).',
  ENDPOINT: 'The rows of one endpoint (`ep_…`).',
  MCP: 'A model context server (`mk_…`).',
});
export const RunStatus = enumOf('RunStatus', 'How a run ended.', {
  RUNNING: 'It has not ended.',
  SUCCEEDED: 'It has a result.',
  FAILED: 'It has none; the code says why.',
  CANCELLED: 'The caller left.',
});
export const RunKind = enumOf('RunKind', 'What was run.', {
  PROCESS: 'An asset.',
  TEST: 'A free test on a part of the data.',
  PAGE: 'A page of an endpoint.',
  EXPORT: 'All rows of an endpoint, as a file.',
  REFRESH: 'An asset, by its seller or its schedule, so that its kept result is new; free.',
});
export const CacheStatus = enumOf('CacheStatus', 'Where a result came from.', {
  HIT: 'From the cache.',
  MISS: 'From the engine; it is in the cache now.',
  BYPASS: 'From the engine; it is not cached.',
});
export const AlertKind = enumOf('AlertKind', 'What an alert watches.', {
  ASSET_UPDATED: 'Definition, schema or listing.',
  PRICE_CHANGED: 'The price.',
  RESULT_CHANGED: 'The value of its runs.',
});
export const PublicationStatus = enumOf('PublicationStatus', 'How the last attempt at a publication ended.', {
  PUBLISHED: 'It is out.',
  FAILED: 'It did not come out, or has not yet: `errorMessage` says why.',
});
export const PlatformFailure = enumOf('PlatformFailure', 'Why another platform did not do what was asked.', {
  AUTH: 'It does not take the credentials, or they may not do this: give others.',
  VALIDATION: 'It, or the gateway for it, refuses the content or the address; the fields say which.',
  CONFLICT: 'Another post there is in the way, or the post was changed or taken away over there.',
  RATE_LIMIT: 'It has had too many requests: try again later.',
  UNAVAILABLE: 'It cannot be reached, or failed: try again later.',
});
export const PublishingPlatform = enumOf('PublishingPlatform', 'Where posts can be published.', {
  WORDPRESS: 'WordPress.',
  GHOST: 'Ghost.',
  DEV: 'DEV and other Forem sites.',
  BEEHIIV: 'beehiiv.',
  WEBHOOK: 'Any address, by a signed webhook.',
});
export const PostTone = enumOf('PostTone', 'The tone of a generated post.', {
  PROFESSIONAL: 'Professional.',
  CASUAL: 'Casual.',
  TECHNICAL: 'Technical.',
  CONVERSATIONAL: 'Conversational.',
});
export const PartnershipType = enumOf('PartnershipType', 'How a seller works with the platform.', {
  SELF_MANAGED: 'On its own.',
  CUSTODIAN: 'Through the platform.',
});
export const ParameterTypeEnum = enumOf('ParameterType', 'What values a parameter takes.', {
  STRING: 'Text.',
  INTEGER: 'Whole numbers.',
  DECIMAL: 'Decimal numbers, as numbers or strings.',
  BOOLEAN: 'true or false.',
  DATE: 'A day, YYYY-MM-DD.',
});
