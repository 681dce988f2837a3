// The price files of the configuration: fetched or read, judged, kept, and put in force.
//
// States of a feed: never taken → taken → taken again. A file is taken whole or refused whole; what is in force stays until
// another one is taken, also when its place cannot be reached, and it is kept in the store: a start needs no network.
import type { FeedConfig, PriceBookConfig } from './config/schema-prices.ts'
import type { Clock } from './core/clock.ts'
import { FEED_URLS, feedVersion, MAX_FEED_BYTES, type FeedForm } from './ledger/price-feed.ts'
import { BUNDLED } from './ledger/price-book.ts'
import { judgePrices, type PriceProblem, type RateChange } from './ledger/price-sanity.ts'
import { priceAt, type PriceSource } from './ledger/price-source.ts'
import type { FetchedFeed, FeedRequest } from './providers/feed-fetch.ts'
import type { FeedState, PriceStore } from './store/store.ts'

export type FeedTools = {
  readonly store: PriceStore
  readonly clock: Clock
  readonly fetch: (request: FeedRequest) => Promise<FetchedFeed>
  /** Reads a file of at most so many bytes; throws with a reason. */
  readonly readFile: (path: string, maxBytes: number) => Promise<string>
}

/** What came of one look at a feed. */
export type FeedResult = {
  readonly form: FeedForm
  readonly place: string
  readonly outcome: FeedState['outcome']
  /** Of what is in force now; null: nothing is. */
  readonly version: string | null
  /** Why it was not taken; null where it was, or is the same. */
  readonly reason: string | null
  /** Each price that was refused. */
  readonly problems: readonly PriceProblem[]
  readonly changes: readonly RateChange[]
}

/** The layers that the store has for these feeds, in their order; what was never taken is not among them. */
export async function storedLayers(feeds: readonly FeedConfig[], store: PriceStore): Promise<readonly PriceSource[]> {
  if (feeds.length === 0) return []
  const states = new Map((await store.priceFeeds()).map((state) => [state.form, state]))
  const layers: PriceSource[] = []
  for (const { from } of feeds) {
    const taken = states.get(from)?.taken ?? null
    if (taken !== null) layers.push(await readPriceFile(from, taken.text))
  }
  return layers
}

/** What reads price files is large, and most gateways live without: it is loaded with the first file. */
async function readPriceFile(form: FeedForm, text: string): Promise<PriceSource> {
  const { parseFeed } = await import('./ledger/price-file.ts')
  return parseFeed(form, text)
}

/** Looks at each feed and takes what is new and sound. `isDry`: nothing is taken or noted. */
export async function refreshFeeds(
  { feeds, accept }: PriceBookConfig,
  tools: FeedTools,
  { isDry = false }: { readonly isDry?: boolean } = {},
): Promise<readonly FeedResult[]> {
  const results: FeedResult[] = []
  for (const feed of feeds) results.push(await refreshFeed(feed, new Set(accept), tools, isDry))
  return results
}

async function refreshFeed(
  feed: FeedConfig,
  accepted: ReadonlySet<string>,
  tools: FeedTools,
  isDry: boolean,
): Promise<FeedResult> {
  const { store, clock } = tools
  const form = feed.from
  const place = feed.file ?? feed.url ?? FEED_URLS[form]
  const state = (await store.priceFeeds()).find((known) => known.form === form) ?? null
  const taken = state?.taken ?? null
  const base = { form, place, version: taken?.version ?? null, problems: [], changes: [] }
  const ended = async (outcome: FeedState['outcome'], reason: string | null, more?: Partial<FeedResult>) => {
    if (!isDry) await store.notePriceCheck({ form, place, at: clock.now(), outcome, reason })
    return { ...base, outcome, reason, ...more }
  }

  const found = await contentOf(feed, place, taken !== null && state?.place === place ? taken.etag : null, tools)
  if (found.type === 'problem') return ended('unreachable', found.problem)
  if (found.type === 'unchanged') return ended('unchanged', null)
  const version = feedVersion(form, found.text)
  if (version === taken?.version) return ended('unchanged', null)
  let next: PriceSource
  try {
    next = await readPriceFile(form, found.text)
  } catch (error) {
    return ended('refused', `it cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  const now = clock.now()
  const last = taken === null ? null : await readPriceFile(form, taken.text)
  const { problems, changes } = judgePrices(next, {
    current: ({ vendor, model }) =>
      priceAt(last?.look(vendor, model) ?? BUNDLED.look(vendor, model), now)?.rates ?? null,
    before: last?.models() ?? [],
    at: now,
    accepted,
  })
  if (problems.length > 0) return ended('refused', refusalOf(problems), { problems, changes })
  if (!isDry) await store.takePriceFeed({ form, place, version, etag: found.etag, text: found.text, at: now, changes })
  return { ...base, outcome: 'taken', version, reason: null, changes }
}

async function contentOf(feed: FeedConfig, place: string, etag: string | null, tools: FeedTools): Promise<FetchedFeed> {
  if (feed.file === undefined) return tools.fetch({ url: place, etag, maxBytes: MAX_FEED_BYTES })
  try {
    return { type: 'file', text: await tools.readFile(feed.file, MAX_FEED_BYTES), etag: null }
  } catch (error) {
    return { type: 'problem', problem: error instanceof Error ? error.message : String(error) }
  }
}

const SHOWN = 5

/** The first few problems in one sentence. */
function refusalOf(problems: readonly PriceProblem[]): string {
  const shown = problems.slice(0, SHOWN).map(({ vendor, model, reason }) => `${vendor}/${model} ${reason}`)
  const more = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : ''
  return `${shown.join('; ')}${more}`
}
