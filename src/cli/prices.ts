// `weir prices …`: what models cost, where that is known from, and refreshing it.
import { readBoundedFile, readFailure } from '../config/files.ts'
import { formatProblem } from '../config/problem.ts'
import type { FeedConfig, PriceBookConfig } from '../config/schema-prices.ts'
import { FEED_FORMS } from '../ledger/price-feed.ts'
import { dollars } from '../ledger/price-sanity.ts'
import { USAGE_UNITS } from '../core/usage.ts'
import type { Rates } from '../core/model.ts'
import { usdPerMillion } from '../models/listed-model.ts'
import { refreshFeeds, storedLayers, type FeedResult } from '../price-feeds.ts'
import type { PriceChange, PriceStore } from '../store/store.ts'
import { checkConfig } from './check.ts'
import {
  type Arguments,
  type CliContext,
  CliError,
  type Command,
  CONFIG_OPTION,
  DATA_OPTION,
  EXIT,
  UsageError,
} from './command.ts'
import { fields, orDash, printable, table, writeCount, writeJson, writeTime } from './format.ts'
import { hasLocal, withLocal } from './local.ts'
import { readChoice, readInteger, readList, required } from './read.ts'

const CONFIG_AND_DATA = { ...CONFIG_OPTION, ...DATA_OPTION }
const FEED_OPTIONS = {
  from: { type: 'string', valueHint: 'form', description: `Form of --file or --url: ${FEED_FORMS.join(', ')}` },
  file: { type: 'string', valueHint: 'path', description: 'This file instead of the feeds of the config' },
  url: { type: 'string', valueHint: 'url', description: 'This address instead of the feeds of the config' },
  accept: {
    type: 'string',
    valueHint: 'list',
    description: 'Models (vendor/model, or *) whose price is taken although it looks like a mistake',
  },
} as const

async function goodConfig(args: Arguments, context: CliContext) {
  const checked = await checkConfig(args, context)
  if (checked.ok) return checked
  throw new CliError(checked.problems.map(formatProblem).join('\n'), '`weir check` shows the same.')
}

/** The config set up with the price files that the store has. */
async function installed(args: Arguments, context: CliContext) {
  const { config } = await goodConfig(args, context)
  const layers = hasLocal(args, context)
    ? await withLocal(args, context, { create: false }, ({ store }) => storedLayers(config.prices.feeds, store))
    : []
  return context.outside.install(config, context.environment, layers)
}

const list: Command = {
  name: 'prices list',
  summary: 'List what the models of the config cost, and where that is known from',
  details: 'Dollars per million tokens. `-` is no price: see `unpriced` in docs/money.md.',
  options: {
    search: { type: 'positional', description: 'A part of the name' },
    unpriced: { type: 'boolean', description: 'Only models without a price' },
    ...CONFIG_AND_DATA,
  },
  examples: [
    { command: 'weir prices list gpt-5', what: 'the models with that in their name' },
    { command: 'weir prices list --unpriced --json', what: 'what has no price, for a script' },
  ],
  run: async (args, context) => {
    const search = args.text('search')?.toLowerCase() ?? ''
    const { models, priceLayers } = await installed(args, context)
    const rows = models
      .filter(({ id, ownedBy }) => ownedBy !== 'weir' && id.toLowerCase().includes(search))
      .map(({ id }) => ({ id, price: priceLayers(id)[0] ?? null }))
      .filter(({ price }) => !args.flag('unpriced') || price === null)
    if (args.flag('json')) {
      const data = rows.map(({ id, price }) => ({
        model: id,
        ...(price === null ? { priced: false } : priceJson(price)),
      }))
      context.stdout(writeJson({ data }))
      return EXIT.ok
    }
    const right = (title: string) => ({ title, align: 'right' }) as const
    const left = (title: string) => ({ title, align: 'left' }) as const
    context.stdout(
      table(
        [left('model'), right('$ in'), right('$ cached'), right('$ out'), left('others'), left('version')],
        rows.map(({ id, price }) => {
          const usd = price === null ? {} : usdPerMillion(price.rates)
          const { input, cache_read: cached, output, ...others } = usd
          const names = Object.keys(others)
          return [id, orDash(input), orDash(cached), orDash(output), orDash(names.join(' ')), orDash(price?.version)]
        }),
        context.colour,
      ),
    )
    return EXIT.ok
  },
}

function priceJson({ rates, version }: { readonly rates: Rates; readonly version: string }) {
  return {
    priced: true,
    price_version: version,
    usd_per_million: usdPerMillion(rates),
    ...(rates.contextTiers === undefined
      ? {}
      : {
          tiers: rates.contextTiers.map((tier) => ({ above: tier.above, usd_per_million: usdPerMillion(tier.rates) })),
        }),
    ...(rates.serviceTiers === undefined
      ? {}
      : {
          service_tiers: Object.fromEntries(
            Object.entries(rates.serviceTiers).map(([tier, own]) => [tier, usdPerMillion(own)]),
          ),
        }),
  }
}

const show: Command = {
  name: 'prices show',
  summary: 'Show what each layer of the price book says of a model',
  details: 'The first one counts: the config, then the feeds, then the bundled catalogue.',
  options: { model: { type: 'positional', description: 'The model, as provider/model' }, ...CONFIG_AND_DATA },
  examples: [{ command: 'weir prices show openai/gpt-5-mini', what: 'its price and where it is known from' }],
  run: async (args, context) => {
    const id = required(args, 'model', true)
    if (!id.includes('/')) throw new UsageError('A model is named as provider/model.')
    const layers = (await installed(args, context)).priceLayers(id)
    if (args.flag('json')) {
      context.stdout(writeJson({ model: id, layers: layers.map(priceJson) }))
      return layers.length > 0 ? EXIT.ok : EXIT.failed
    }
    if (layers.length === 0)
      throw new CliError(
        `There is no price of ${id}.`,
        'Set `providers.<name>.models.<model>.price` in the config; 0 for a model that is free.',
      )
    for (const [place, { rates, version }] of layers.entries()) {
      context.stdout(`${place === 0 ? '' : '\n'}${version}${place === 0 ? '' : ' (not in force)'}\n`)
      context.stdout(fields(ratesLines(rates)))
    }
    return EXIT.ok
  },
}

function ratesLines(rates: Rates, prefix = ''): readonly (readonly [string, string])[] {
  const own = USAGE_UNITS.flatMap((unit) => {
    const rate = rates[unit]
    return rate === undefined ? [] : [[`${prefix}${unit}`, `$${dollars(rate)} per million`] as const]
  })
  const tiers = (rates.contextTiers ?? []).flatMap((tier) => ratesLines(tier.rates, `above ${writeCount(tier.above)} `))
  const services = Object.entries(rates.serviceTiers ?? {}).flatMap(([tier, other]) => ratesLines(other, `${tier} `))
  return own.length + tiers.length + services.length === 0
    ? [['price', '$0, stated as free']]
    : [...own, ...tiers, ...services]
}

/** The feeds that a command is about: those of its options, else those of the config. */
async function feedsOf(args: Arguments, context: CliContext): Promise<PriceBookConfig> {
  const { prices } = (await goodConfig(args, context)).config
  const [file, url] = [args.text('file'), args.text('url')]
  const accept = [...prices.accept, ...(readList(args, 'accept') ?? [])]
  if (file === null && url === null) {
    if (prices.feeds.length === 0)
      throw new CliError(
        'The config names no price files.',
        'Name one with --from and --file or --url, or in `prices.feeds`.',
      )
    return { ...prices, accept }
  }
  if (file !== null && url !== null) throw new UsageError('--file and --url are two places; give one.')
  const from = readChoice(args, 'from', FEED_FORMS)
  if (from === null) throw new UsageError(`--from is missing: the form of the file, one of ${FEED_FORMS.join(', ')}.`)
  const feed: FeedConfig = { from, ...(file === null ? {} : { file }), ...(url === null ? {} : { url }) }
  return { ...prices, feeds: [feed], accept }
}

async function look(
  args: Arguments,
  context: CliContext,
  { isDry }: { readonly isDry: boolean },
): Promise<readonly FeedResult[]> {
  const feeds = await feedsOf(args, context)
  return withLocal(args, context, { create: true }, ({ store }) =>
    refreshFeeds(
      feeds,
      { store, clock: context.clock, fetch: context.outside.fetchFeed, readFile: readText },
      { isDry },
    ),
  )
}

async function readText(path: string, maxBytes: number): Promise<string> {
  try {
    return new TextDecoder().decode(await readBoundedFile(path, maxBytes))
  } catch (error) {
    throw new Error(`${path} cannot be read: ${readFailure(error)}`, { cause: error })
  }
}

const IS_GOOD: Readonly<Record<FeedResult['outcome'], boolean>> = {
  taken: true,
  unchanged: true,
  refused: false,
  unreachable: false,
}

function report(results: readonly FeedResult[], args: Arguments, context: CliContext, verb: string) {
  if (args.flag('json'))
    context.stdout(writeJson({ data: results.map((result) => ({ ...result, changes: result.changes.length })) }))
  else
    for (const result of results) {
      const { form, place, outcome, version, reason, problems, changes } = result
      if (outcome === 'taken')
        context.stdout(`${form}: ${verb} as ${version}, ${writeCount(changes.length)} prices differ.\n`)
      else if (outcome === 'unchanged') context.stdout(`${form}: nothing new at ${place}.\n`)
      else {
        context.stdout(
          `${form}: ${outcome}. ${printable(problems.length > 0 ? `${writeCount(problems.length)} prices look wrong:` : (reason ?? ''))}\n`,
        )
        for (const problem of problems)
          context.stdout(`  ${printable(`${problem.vendor}/${problem.model} ${problem.reason}`)}\n`)
        context.stdout(`  The prices of before stay in force${version === null ? '' : ` (${version})`}.\n`)
      }
    }
  return results.every(({ outcome }) => IS_GOOD[outcome]) ? EXIT.ok : EXIT.failed
}

const refresh: Command = {
  name: 'prices refresh',
  summary: 'Fetch the price files and take what is new and sound',
  details:
    'A file with a price that looks like a mistake (a jump of more than tenfold, a zero where a price was, a wrong unit, a missing one) is refused as a whole, and the prices of before stay. A running gateway takes new prices within a second.',
  options: { ...FEED_OPTIONS, ...CONFIG_AND_DATA },
  examples: [
    { command: 'weir prices refresh', what: 'the feeds of the config' },
    { command: 'weir prices refresh --from litellm --file prices.json', what: 'a file that was carried here' },
  ],
  run: async (args, context) => report(await look(args, context, { isDry: false }), args, context, 'taken'),
}

const check: Command = {
  name: 'prices check',
  summary: 'Check price files without taking them, and name models that have no price',
  details: null,
  options: { ...FEED_OPTIONS, ...CONFIG_AND_DATA },
  examples: [{ command: 'weir prices check --from litellm --file prices.json', what: 'before a refresh' }],
  run: async (args, context) => {
    const { prices } = (await goodConfig(args, context)).config
    const isNamed = args.text('file') !== null || args.text('url') !== null
    const results = isNamed || prices.feeds.length > 0 ? await look(args, context, { isDry: true }) : []
    const { models, priceLayers } = await installed(args, context)
    const unpriced = models.filter(({ id, ownedBy }) => ownedBy !== 'weir' && priceLayers(id).length === 0)
    if (args.flag('json')) {
      const data = results.map((result) => ({ ...result, changes: result.changes.length }))
      context.stdout(writeJson({ data, unpriced: unpriced.map(({ id }) => id) }))
    } else {
      report(results, args, context, 'sound')
      context.stdout(`${writeCount(unpriced.length)} of ${writeCount(models.length)} models have no price.\n`)
    }
    return results.every(({ outcome }) => IS_GOOD[outcome]) ? EXIT.ok : EXIT.failed
  },
}

const diff: Command = {
  name: 'prices diff',
  summary: 'Show which prices a file would change, or which ones have changed',
  details: 'Without --file or --url: the history of changes, newest first.',
  options: {
    ...FEED_OPTIONS,
    limit: { type: 'string', valueHint: 'n', description: 'How many of the history. Default: 50' },
    ...CONFIG_AND_DATA,
  },
  examples: [
    { command: 'weir prices diff', what: 'what changed lately' },
    { command: 'weir prices diff --from models.dev --file api.json', what: 'what that file would change' },
  ],
  run: async (args, context) => {
    const isFuture = args.text('file') !== null || args.text('url') !== null
    const changes = isFuture
      ? (await look(args, context, { isDry: true })).flatMap((result) =>
          result.changes.map((change) => ({ ...change, at: null, version: result.version })),
        )
      : await withLocal(args, context, { create: false }, ({ store }) =>
          history(store, readInteger(args, 'limit', 1, 10_000) ?? 50),
        )
    if (args.flag('json')) {
      context.stdout(writeJson({ data: changes.map(changeJson) }))
      return EXIT.ok
    }
    const columns = ['when', 'model', 'unit', 'before', 'after'].map((title, place) => ({
      title,
      align: place > 2 ? ('right' as const) : ('left' as const),
    }))
    const rows = changes.map(({ at, vendor, model, unit, before, after }) => [
      at === null ? '-' : writeTime(at),
      `${vendor}/${model}`,
      unit,
      before === null ? '-' : dollars(before),
      after === null ? '-' : dollars(after),
    ])
    context.stdout(rows.length === 0 ? 'No price differs.\n' : table(columns, rows, context.colour))
    return EXIT.ok
  },
}

type Shown = Omit<PriceChange, 'at' | 'version'> & { readonly at: number | null; readonly version: string | null }

async function history(store: PriceStore, limit: number): Promise<readonly Shown[]> {
  return (await store.priceChanges({ cursor: null, limit })).data
}

function changeJson({ at, version, vendor, model, unit, before, after }: Shown) {
  return {
    at: at === null ? null : new Date(at).toISOString(),
    version,
    model: `${vendor}/${model}`,
    unit,
    before_usd_per_million: before === null ? null : dollars(before),
    after_usd_per_million: after === null ? null : dollars(after),
  }
}

export const PRICE_COMMANDS: readonly Command[] = [list, show, diff, refresh, check]
