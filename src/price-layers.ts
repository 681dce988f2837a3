// The price files in force, in a running gateway: loaded at start, refreshed when it is time or somebody asks.
import type { PriceBookConfig } from './config/schema-prices.ts'
import type { PriceSource } from './ledger/price-source.ts'
import { refreshFeeds, storedLayers, type FeedResult, type FeedTools } from './price-feeds.ts'

export type PriceLayersOptions = FeedTools & {
  /** Of the configuration that is in force. */
  readonly config: () => PriceBookConfig
  /** Told after other prices came into force. */
  readonly onChanged: () => void
  /** Told what came of each feed of each refresh. */
  readonly onResult: (result: FeedResult) => void
  readonly onError: (error: unknown) => void
}

export interface PriceLayers {
  layers(): readonly PriceSource[]
  /** Reads what the store has; call it before the gateway is made. */
  load(): Promise<void>
  /** After the configuration changed: puts in force what the store has for its feeds. */
  reconsider(): Promise<void>
  refresh(): Promise<readonly FeedResult[]>
  /** `load`, if another process has taken a file since. */
  checkElsewhere(): Promise<void>
  /** From now on they are refreshed when it is time. */
  start(): void
  stop(): void
}

function formsOf({ feeds }: PriceBookConfig): string {
  return feeds.map(({ from }) => from).join()
}

/** How often it is looked whether it is time. */
const TICK_MS = 60_000

export function createPriceLayers(options: PriceLayersOptions): PriceLayers {
  const { store, clock, config, onChanged, onResult, onError } = options
  let layers: readonly PriceSource[] = []
  let versions: string | null = null
  let formsInForce = ''
  let lastMs = Number.NEGATIVE_INFINITY
  let cancel = (): void => {}
  let running: Promise<readonly FeedResult[]> | null = null

  async function load(): Promise<void> {
    versions = await store.priceVersions()
    formsInForce = formsOf(config())
    layers = await storedLayers(config().feeds, store)
  }

  async function refreshOnce(): Promise<readonly FeedResult[]> {
    lastMs = clock.monotonicMs()
    const results = await refreshFeeds(config(), options)
    for (const result of results) onResult(result)
    if (results.some(({ outcome }) => outcome === 'taken')) {
      await load()
      onChanged()
    }
    return results
  }

  function refresh(): Promise<readonly FeedResult[]> {
    running ??= refreshOnce().finally(() => (running = null))
    return running
  }

  function tick(): void {
    const { refreshMs, feeds } = config()
    if (refreshMs > 0 && feeds.length > 0 && clock.monotonicMs() - lastMs >= refreshMs) refresh().catch(onError)
    cancel = clock.after(TICK_MS, tick)
  }

  return {
    layers: () => layers,
    load,
    async reconsider() {
      const feeds = formsOf(config())
      if (feeds === formsInForce) return
      try {
        await load()
        onChanged()
      } catch (error) {
        onError(error)
      }
    },
    refresh,
    async checkElsewhere() {
      if (running !== null || (await store.priceVersions()) === versions) return
      await load()
      onChanged()
    },
    start: tick,
    stop: () => cancel(),
  }
}
