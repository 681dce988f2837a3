// Group commit: everything that is handed in during one turn of the event loop shares one transaction.
//
// What is handed in gathers in a batch. At the end of the turn the batch is committed; while one commit is in flight the
// next batch gathers. A promise resolves only when its batch is durable.
//
// When a commit fails:
// - its intents are refused (`store_unavailable`): their requests have not left yet, and must not leave unaccounted;
// - its settles are kept and tried again, with growing pauses, together with what has gathered since: their requests have
//   cost money. Nothing is dropped. Above `maxPending` new intents are refused at once, and as no request gets through
//   then, the settles that are kept are bounded too.
// - If the storage works and refuses the content (a bug, an absurd amount), one bad row would block all others for ever:
//   then every row is committed alone, and only batches that hold a refused one are rejected. The intent of a refused
//   entry stays open, so recovery books its estimate later.
//
// A crash leaves behind intents without an entry (see recover.ts); what was not durable was not acknowledged.
import { systemClock, type Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { Entry, Intent, LedgerBatch, RequestRecord } from '../core/ledger.ts'

export type JournalOptions = {
  readonly commit: (batch: LedgerBatch) => Promise<void>
  /** Told each failed commit, whether its content is tried again or refused. */
  readonly onError: (error: unknown) => void
  /** Calls back at the end of the turn. */
  readonly schedule?: (flush: () => void) => void
  readonly clock?: Clock
  /** Rows that may wait for a failing store before new intents are refused. */
  readonly maxPending?: number
}

export interface Journal {
  /** Resolves when the intent is durable; rejects with `store_unavailable`, and then it was not written. */
  intend(intent: Intent): Promise<void>
  /** Resolves when entry (null: no provider was reached) and record are durable; rejects when the store refuses them as such. */
  settle(entry: Entry | null, record: RequestRecord): Promise<void>
  /** What is not durable yet. */
  pending(): { readonly count: number; readonly oldestMs: number }
  /** Resolves when all that was handed in before is durable or refused. */
  flush(): Promise<void>
}

type Batch = {
  intents: Intent[]
  readonly entries: Entry[]
  /** One for each settle: an entry never comes without its record. */
  readonly records: RequestRecord[]
  readonly sinceMs: number
  readonly intended: PromiseWithResolvers<void>
  readonly settled: PromiseWithResolvers<void>
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000
const MAX_PENDING = 20_000

/**
 * A transaction costs about as much as the rows of five requests. One more turn of the event loop is nothing where it is
 * idle, and under load it doubles the requests that share a transaction.
 */
function afterNextTurn(flush: () => void): void {
  setImmediate(() => setImmediate(flush))
}

export function createJournal(options: JournalOptions): Journal {
  const { commit, onError, schedule = afterNextTurn, clock = systemClock, maxPending = MAX_PENDING } = options
  let gathering: Batch | null = null
  /** Settles of failed commits, oldest first. */
  let kept: Batch[] = []
  let keptCount = 0
  let inFlight: Batch | null = null
  let pauseMs = 0
  /** A turn's end or a pause is awaited; it will run `advance`. */
  let woken = false

  function gather(): Batch {
    if (gathering === null) {
      gathering = emptyBatch(clock.monotonicMs())
      wake()
    }
    return gathering
  }

  function wake(): void {
    if (woken || inFlight !== null) return
    woken = true
    const run = () => {
      woken = false
      void advance() // never rejects
    }
    if (pauseMs > 0) clock.after(pauseMs, run)
    else schedule(run)
  }

  async function advance(): Promise<void> {
    const batch = gathering ?? emptyBatch(clock.monotonicMs())
    gathering = null
    inFlight = batch
    try {
      await commit(kept.length === 0 ? batch : joined(kept, batch))
      succeeded(batch)
    } catch (error) {
      onError(error)
      if (isUnavailable(error)) failed(batch, error)
      else await apart([...kept, batch])
    }
    inFlight = null
    if (gathering !== null || kept.length > 0) wake()
  }

  function succeeded(batch: Batch): void {
    for (const { settled } of kept) settled.resolve()
    kept = []
    keptCount = 0
    pauseMs = 0
    batch.intended.resolve()
    batch.settled.resolve()
  }

  function failed(batch: Batch, error: unknown): void {
    refuseIntents(batch, error)
    if (batch.records.length === 0) batch.settled.resolve()
    else {
      kept.push(batch)
      keptCount += batch.records.length
    }
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs === 0 ? FIRST_PAUSE_MS : pauseMs * 2)
  }

  function refuseIntents(batch: Batch, error: unknown): void {
    batch.intents = []
    batch.intended.reject(error instanceof GatewayError ? error : new GatewayError('store_unavailable', {}, error))
  }

  /** One row at a time, to find those that the store refuses. What fails otherwise is kept like any other. */
  async function apart(batches: readonly Batch[]): Promise<void> {
    kept = []
    keptCount = 0
    pauseMs = 0
    for (const batch of batches) {
      try {
        if (batch.intents.length > 0) await commit({ intents: batch.intents, entries: [], records: [] })
        batch.intended.resolve()
      } catch (error) {
        refuseIntents(batch, error)
      }
      batch.intents = []
      const entries = new Map(batch.entries.map((entry) => [entry.id, entry]))
      let refusal: unknown = null
      try {
        for (const record of batch.records) {
          const entry = entries.get(record.id)
          const part = { intents: [], entries: entry === undefined ? [] : [entry], records: [record] }
          refusal = (await refusalOf(part)) ?? refusal
        }
        if (refusal === null) batch.settled.resolve()
        else batch.settled.reject(refusal)
      } catch (error) {
        // The storage went away meanwhile: rows of this batch that were written are written again, which changes nothing.
        failed(batch, error)
      }
    }
  }

  /** Null when the part was written; the error when the store refuses it. Throws when the storage is away. */
  async function refusalOf(part: LedgerBatch): Promise<unknown> {
    try {
      await commit(part)
      return null
    } catch (error) {
      if (isUnavailable(error)) throw error
      onError(error)
      return error
    }
  }

  return {
    intend(intent) {
      if (keptCount >= maxPending) return Promise.reject(new GatewayError('store_unavailable'))
      const batch = gather()
      batch.intents.push(intent)
      return batch.intended.promise
    },
    settle(entry, record) {
      const batch = gather()
      if (entry !== null) batch.entries.push(entry)
      batch.records.push(record)
      return batch.settled.promise
    },
    pending() {
      const oldest = kept[0] ?? inFlight ?? gathering
      let count = keptCount
      for (const batch of [inFlight, gathering])
        if (batch !== null) count += batch.intents.length + batch.records.length
      return { count, oldestMs: oldest === null || count === 0 ? 0 : clock.monotonicMs() - oldest.sinceMs }
    },
    async flush() {
      const batches = [...kept, inFlight, gathering].filter((batch) => batch !== null)
      await Promise.allSettled(batches.flatMap(({ intended, settled }) => [intended.promise, settled.promise]))
    },
  }
}

function emptyBatch(sinceMs: number): Batch {
  const intended = Promise.withResolvers<void>()
  const settled = Promise.withResolvers<void>()
  // A batch may hold only one of the two, and then nobody listens to the other promise.
  intended.promise.catch(() => {})
  settled.promise.catch(() => {})
  return { intents: [], entries: [], records: [], sinceMs, intended, settled }
}

function joined(kept: readonly Batch[], last: Batch): LedgerBatch {
  const batches = [...kept, last]
  return {
    intents: last.intents,
    entries: batches.flatMap(({ entries }) => entries),
    records: batches.flatMap(({ records }) => records),
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'store_unavailable'
}
