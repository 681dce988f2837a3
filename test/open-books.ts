// Books of a data folder of its own for tests of the command line: entries are put in, and commands are run on it.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { clockAt, runWords } from '../src/cli/testing.ts'
import type { Entry } from '../src/core/ledger.ts'
import { entryOf, recordOf } from '../src/core/testing.ts'
import { NO_USAGE } from '../src/core/usage.ts'
import { openData } from '../src/data.ts'
import type { Store } from '../src/store/store.ts'
import { temporaryFolder } from './process.ts'

export const NOW = Date.UTC(2026, 10, 28, 12)
export const DAY = 86_400_000

export type Books = AsyncDisposable & {
  readonly folder: string
  readonly data: string
  weir(...words: string[]): Promise<{ code: number; out: string; err: string }>
  use<T>(action: (store: Store) => Promise<T>): Promise<T>
  verify(): Promise<{ ok: boolean; entries: number; archived_entries: number; differences: number; examples: string[] }>
}

const CONFIG = `
providers:
  mine: { preset: openai-compatible, base_url: "http://127.0.0.1:1/v1", keys: [a-secret-value], models: { m: { price: { input: 1, output: 2 } } } }
`

export async function openBooks(): Promise<Books> {
  const folder = temporaryFolder()
  const data = path.join(folder.path, 'data')
  const config = path.join(folder.path, 'weir.yaml')
  writeFileSync(config, CONFIG)
  const books: Books = {
    folder: folder.path,
    data,
    weir: (...words) => runWords(words, { clock: clockAt(NOW), environment: { WEIR_DATA: data, WEIR_CONFIG: config } }),
    async use(action) {
      const opened = await openData(data, {})
      try {
        return await action(opened.store)
      } finally {
        await opened.close()
      }
    },
    verify: async () => JSON.parse((await books.weir('ledger', 'verify', '--json')).out),
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
  return books
}

let number = 0

/** A request of yesterday by the provider `mine`, with the ids of entries in their order. */
export function anEntry(change: Partial<Entry> = {}): Entry {
  return entryOf({
    id: `req_${String(number++).padStart(6, '0')}`,
    at: NOW - DAY,
    dimensions: { teamId: 'team_1', route: 'mine/m' },
    provider: 'mine',
    usage: { ...NO_USAGE, input: 1_000, output: 100, requests: 1 },
    costNanoUsd: 1_000n * 1_000n + 100n * 2_000n,
    priceVersion: 'config-1',
    charges: [{ budgetId: 'budget_1', subject: 'team_1', from: NOW - 10 * DAY, until: NOW + DAY }],
    ...change,
  })
}

export async function book(books: Books, entries: readonly Entry[]): Promise<void> {
  await books.use((store) => store.commit({ intents: [], entries, records: entries.map((entry) => recordOf(entry)) }))
}
