// Books of a data folder of its own for tests of the command line: entries are put in, and commands are run on it.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { runCli } from '../src/cli/run.ts'
import { realOutside } from '../src/cli/outside.ts'
import type { Entry, RequestRecord } from '../src/core/ledger.ts'
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
    async weir(...words) {
      let out = ''
      let err = ''
      const code = await runCli(words, {
        stdout: (text) => void (out += text),
        stderr: (text) => void (err += text),
        clock: { now: () => NOW, monotonicMs: () => 0, after: () => () => {} },
        colour: false,
        outside: realOutside(async () => {}),
        environment: { WEIR_DATA: data, WEIR_CONFIG: config },
      })
      return { code, out, err }
    },
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
  return {
    id: `req_${String(number++).padStart(6, '0')}`,
    at: NOW - DAY,
    dimensions: {
      keyId: 'key_1',
      teamId: 'team_1',
      endUser: null,
      tags: [],
      requestedModel: 'm',
      route: 'mine/m',
      operation: 'chat',
      dialect: 'openai-chat',
    },
    provider: 'mine',
    model: 'm',
    status: 'complete',
    usage: { ...NO_USAGE, input: 1_000, output: 100, requests: 1 },
    usageSource: 'reported',
    costNanoUsd: 1_000n * 1_000n + 100n * 2_000n,
    unpriced: false,
    priceVersion: 'config-1',
    charges: [{ budgetId: 'budget_1', subject: 'team_1', from: NOW - 10 * DAY, until: NOW + DAY }],
    ...change,
  }
}

export function recordOf(entry: Entry, change: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: entry.id,
    clientRequestId: null,
    at: entry.at,
    dimensions: entry.dimensions,
    status: 200,
    errorCode: null,
    target: `${entry.provider}/${entry.model}`,
    stream: false,
    durationMs: 1,
    ttftMs: null,
    overheadMs: 0,
    attempts: [],
    finishReason: 'stop',
    rawUsage: null,
    usage: entry.usage,
    usageSource: entry.usageSource,
    costNanoUsd: entry.costNanoUsd,
    ...change,
  }
}

export async function book(books: Books, entries: readonly Entry[]): Promise<void> {
  await books.use((store) => store.commit({ intents: [], entries, records: entries.map((entry) => recordOf(entry)) }))
}
