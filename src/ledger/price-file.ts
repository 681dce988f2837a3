// A price file from outside → a layer of the price book, or the sentence that says what is wrong with it.
import type { Provider } from '@pydantic/genai-prices'
import { z } from 'zod'
import { catalogueSource } from './catalogue-source.ts'
import { readLitellm } from './litellm-prices.ts'
import { readModelsDev } from './models-dev-prices.ts'
import { feedVersion, type FeedForm } from './price-feed.ts'
import { tableSource, type PriceSource } from './price-source.ts'

/** As much of genai-prices' file as matching and pricing rely on. */
const Price = z.union([
  z.number(),
  z.looseObject({ base: z.number(), tiers: z.array(z.looseObject({ start: z.number(), price: z.number() })) }),
])
const Prices = z.record(z.string(), Price)

const Day = z.string().refine((text) => !Number.isNaN(Date.parse(text)))
const TimeOfDay = z.string().regex(/^\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/)
/** The published file names no types; the package adds them when it reads one. */
const Constraint = z.union([
  z.looseObject({ start_date: Day }).transform(({ start_date }) => ({ type: 'start_date', start_date })),
  z
    .looseObject({ start_time: TimeOfDay, end_time: TimeOfDay })
    .transform(({ start_time, end_time }) => ({ type: 'time_of_date', start_time, end_time })),
])
const ConditionalPrices = z.array(
  z
    .looseObject({ constraint: Constraint.nullish(), prices: Prices })
    .transform(({ constraint, prices }) => (constraint ? { constraint, prices } : { prices })),
)

/** Which names a row is for: one comparison, or several joined. */
const Match: z.ZodType = z.lazy(() =>
  z.union([
    z.looseObject({ or: z.array(Match) }),
    z.looseObject({ and: z.array(Match) }),
    ...(['equals', 'starts_with', 'ends_with', 'contains', 'regex'] as const).map((kind) =>
      z.looseObject({ [kind]: z.string() }),
    ),
  ]),
)
const CatalogueFile = z
  .array(
    z.looseObject({
      id: z.string(),
      models: z.array(
        z.looseObject({
          id: z.string(),
          match: Match,
          prices: z.union([Prices, ConditionalPrices]),
        }),
      ),
    }),
  )
  .min(1)

/** How each form is read; throws with a sentence what is none. */
const READERS: Readonly<Record<FeedForm, (value: unknown, version: string) => PriceSource>> = {
  'genai-prices': readCatalogue,
  litellm: (value, version) => tableSource(readLitellm(value), version),
  'models.dev': (value, version) => tableSource(readModelsDev(value), version),
}

/** Throws with a sentence where the text is no file of that form. */
export function parseFeed(form: FeedForm, text: string): PriceSource {
  return READERS[form](jsonOf(text), feedVersion(form, text))
}

function readCatalogue(value: unknown, version: string): PriceSource {
  const file = CatalogueFile.safeParse(value)
  if (file.success) return catalogueSource(version, file.data as unknown as readonly Provider[])
  const place = file.error.issues[0]?.path.join('.') ?? ''
  throw new Error(`${place === '' ? 'it' : place} is not what it should be`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('it is no JSON')
  }
}
