// Prices in the file: what a model costs (`providers.<name>.models.<model>.price`), and where the price book is refreshed from.
import { USAGE_UNITS, type UsageUnit } from '../core/usage.ts'
import { changed, choice, duration, type Field, integer, leaf, list, section, text } from './fields.ts'
import { parsePrice } from './values.ts'

/** Dollars per million units, decimal text. */
type UnitPrices = { readonly [unit in UsageUnit]?: string }

export type PriceConfig = UnitPrices & {
  readonly tiers?: readonly (UnitPrices & { readonly above: number })[]
  readonly batch?: UnitPrices
  readonly flex?: UnitPrices
  readonly priority?: UnitPrices
  readonly later?: readonly (UnitPrices & { readonly from: number })[]
}

const price = text(
  { description: '', kind: 'dollars', expected: 'dollars per million units, such as 0.15', range: 'from 0' },
  undefined,
  parsePrice,
)

const PRICE_WORDS: Readonly<Record<UsageUnit, string>> = {
  input: 'Input tokens.',
  cacheRead: 'Input tokens read from the provider’s cache; without a price they cost what input costs.',
  cacheWrite5m: 'Input tokens written to a cache of five minutes.',
  cacheWrite1h: 'Input tokens written to a cache of one hour.',
  output: 'Output tokens.',
  reasoning: 'Reasoning tokens; without a price they cost what output costs.',
  audioIn: 'Audio tokens in.',
  audioOut: 'Audio tokens out.',
  imageIn: 'Image tokens in.',
  imageOut: 'Image tokens out.',
  video: 'Video tokens.',
  images: 'Pictures that were made, by the piece.',
  characters: 'Characters.',
  seconds: 'Seconds of audio or video.',
  requests: 'Requests: a price of its own beside the tokens.',
  searches: 'Searches that the provider made.',
}

const unitFields = Object.fromEntries(
  USAGE_UNITS.map((unit) => [unit, { ...price, doc: { ...price.doc, description: PRICE_WORDS[unit] } }]),
) as Record<UsageUnit, Field<string>>

const tier = (description: string): Field<UnitPrices> =>
  section<UnitPrices>({ description }, unitFields, { optional: true })

const above = section<UnitPrices & { readonly above: number }>(
  { description: 'Prices of answers with more input tokens than this.' },
  {
    above: integer({ description: 'Input tokens, cached ones included.' }, { min: 1, max: 1_000_000_000 }),
    ...unitFields,
  },
  { required: ['above'] },
)

const later = section<UnitPrices & { readonly from: number }>(
  { description: 'The whole price from a moment on.' },
  {
    from: leaf({ description: 'The day (its first moment in UTC) or moment.', kind: 'day or time' }, (value) => {
      const written = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(value)
      const moment = written ? Date.parse(value) : Number.NaN
      return Number.isNaN(moment)
        ? { expected: 'a day such as 2026-12-01, or a time with its zone' }
        : { value: moment }
    }),
    ...unitFields,
  },
  { required: ['from'] },
)

type PriceFile = PriceConfig & { readonly cacheWrite?: string }

export const prices: Field<PriceConfig> = changed(
  section<PriceFile>(
    {
      description:
        'Prices in dollars per million units (of tokens, unless it says otherwise). They replace those of the price book.',
    },
    {
      ...unitFields,
      cacheWrite: {
        ...price,
        doc: { ...price.doc, description: 'Cache writes of any lifetime that has no price of its own.' },
      },
      tiers: list({ description: 'What replaces these prices for long inputs.' }, above),
      batch: tier('What replaces them in the service tier `batch`.'),
      flex: tier('What replaces them in the service tier `flex`.'),
      priority: tier('What replaces them in the service tier `priority`.'),
      later: list({ description: 'Prices that are announced: from a moment on they replace all of the above.' }, later),
    },
    { optional: true },
  ),
  ({ cacheWrite, ...units }) =>
    cacheWrite === undefined ? units : { cacheWrite5m: cacheWrite, cacheWrite1h: cacheWrite, ...units },
)

export type FeedConfig = {
  readonly from: 'genai-prices' | 'litellm' | 'models.dev'
  /** Absent: where the project publishes it. */
  readonly url?: string
  /** Instead of a URL. */
  readonly file?: string
}

export type PriceBookConfig = {
  readonly feeds: readonly FeedConfig[]
  /** 0: only when somebody asks for it. */
  readonly refreshMs: number
  readonly accept: readonly string[]
}

const feed: Field<FeedConfig> = section<FeedConfig>(
  { description: 'One price file.' },
  {
    from: choice({ description: 'Whose form it has.' }, ['genai-prices', 'litellm', 'models.dev']),
    url: text(
      {
        description: 'Where it is. Default: where the project publishes it.',
        kind: 'URL',
        expected: 'an http or https URL such as https://prices.example.com/data.json',
      },
      undefined,
      (value) => (/^https?:\/\/[^\s#]+$/.test(value) && URL.canParse(value) ? value : null),
    ),
    file: text({ description: 'A file on this machine instead.', kind: 'path' }),
  },
  { required: ['from'] },
)

export const priceBook: Field<PriceBookConfig> = section<PriceBookConfig>(
  {
    description:
      'Where prices are refreshed from. They stand over the bundled catalogue, and below the prices that this file states.',
  },
  {
    feeds: list({ description: 'Price files, the last one on top.' }, feed, []),
    refreshMs: duration(
      { description: 'How often they are fetched. `0s`: only when `weir prices refresh` asks for it.' },
      { min: 0, max: 90 * 86_400_000 },
      0,
    ),
    accept: list(
      {
        description:
          'Models (`vendor/model`, or `*` for all) whose new price is taken although it looks like a mistake: after you have looked at it.',
      },
      text({ description: '', kind: 'name' }),
      [],
    ),
  },
)
