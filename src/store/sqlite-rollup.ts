// Sums of entries for reports, kept in the same transaction as the entries themselves, so that they always agree.
//
// Every entry adds to the rows of its hour, which are folded into those of days and months as sqlite-spans.ts tells. A report takes
// months and days where it can and hours for the rest (see sqlite-reports.ts).
//
// End users and tags may be countless, and most reports do not ask for them. So a request that has some adds twice: once
// without them (kind 1) and once with them (kind 2); a plain request adds once (kind 0). Kinds 0 and 1 together are all
// requests, and so are kinds 0 and 2.
//
// Where attempts at other targets cost something, each part of the entry adds to the rows of its own target, and counts as
// no request there.
//
// Beside `spend`, `spend_costs` counts requests by what they cost (core/cost-sketch.ts), for percentiles. It has the same
// kinds and spans. Corrections and cached answers are not in it.
//
// Invariants: for each span, over the rows of hours it covers, Σ rows of kinds 0 and 1 = Σ entries, exactly; for days and months
// the same of kind 3.
import { COST_BUCKETS, costBucket } from '../core/cost-sketch.ts'
import type { Entry, EntryPart, EntryStatus } from '../core/ledger.ts'
import type { NanoUsd } from '../core/money.ts'
import { UNIT_NAMES } from '../core/usage.ts'
import type { Usage, UsageUnit } from '../core/usage.ts'
import { ENTRY_STATUSES, int64 } from './codec.ts'
import type { Connection } from './sqlite-connection.ts'
import { createFold, createSpanWriter, HOUR_MS, KINDS, type Place } from './sqlite-spans.ts'
import type { Subject } from './sqlite-subjects.ts'

/** Column of each unit. Seconds are kept as whole milliseconds, because sums of floats depend on their order. */
export const UNIT_COLUMNS = { ...UNIT_NAMES, seconds: 'milliseconds' } as const

const UNITS = Object.keys(UNIT_COLUMNS) as readonly UsageUnit[]
/** Sums of a row of `spend`. */
export const SUMS = ['requests', 'cost_nano_usd', 'saved_nano_usd', 'unpriced', ...Object.values(UNIT_COLUMNS)] as const

/** What an entry, or a part of one, adds to a row of `spend`. */
type Share = {
  /** Place in ENTRY_STATUSES. */
  readonly status: number
  readonly requests: 0 | 1
  readonly costNanoUsd: NanoUsd
  readonly savedNanoUsd?: NanoUsd | undefined
  readonly unpriced: boolean
  readonly usage: Usage
}

/** What belongs to the entry's own target: all that is not a part's. */
function ownShare({ status, costNanoUsd, savedNanoUsd, unpriced, usage, parts }: Entry): Share {
  return {
    status: ENTRY_STATUSES.indexOf(status),
    // A correction is no request.
    requests: status === 'adjusted' ? 0 : 1,
    costNanoUsd: parts === undefined ? costNanoUsd : parts.reduce((left, part) => left - part.costNanoUsd, costNanoUsd),
    savedNanoUsd,
    unpriced,
    usage,
  }
}

function partShare({ status }: Entry, { costNanoUsd, unpriced, usage }: EntryPart): Share {
  return { status: ENTRY_STATUSES.indexOf(status), requests: 0, costNanoUsd, unpriced, usage }
}

/** Whether it counts in percentiles: it asked a provider. */
export function hasOwnCost(status: EntryStatus): boolean {
  return status !== 'adjusted' && status !== 'cached'
}

/** An amount of a unit as it is summed. */
export function wholeUnits(unit: UsageUnit, amount: number): number {
  return Math.round(unit === 'seconds' ? amount * 1_000 : amount)
}

type Sum = Place & { requests: number; cost: bigint; saved: bigint; unpriced: number; readonly units: number[] }
type Count = Place & { requests: number }

export type Rollup = {
  /** Call it inside the transaction that inserted the entry; `parts`: the subjects of its parts. */
  add(entry: Entry, subject: Subject, parts: readonly Subject[]): void
  /** Writes what was added since: one statement for each distinct row. */
  write(): void
  /** Drops what was added since, after a rollback. */
  forget(): void
}

export function createRollup(database: Connection): Rollup {
  const spend = createSpanWriter(database, { name: 'spend', part: 'status', sums: SUMS })
  const costs = createSpanWriter(database, { name: 'spend_costs', part: 'bucket', sums: ['requests'] })
  const fold = createFold(database, [spend, costs])
  let sums = new Map<string | number, Sum>()
  let counts = new Map<string | number, Count>()
  let firstHour = -1
  let newest = -1

  /** Nearly every batch lies within one hour: then a number tells its rows apart. */
  function nameOf(kind: number, hour: number, number: number): string | number {
    const name = number * 3 + kind
    return hour === firstHour ? name : `${hour} ${name}`
  }

  function addTo(kind: number, hour: number, no: number, coarse: number, share: Share): void {
    const name = nameOf(kind, hour, no * ENTRY_STATUSES.length + share.status)
    let sum = sums.get(name)
    if (sum === undefined) {
      const units = UNITS.map(() => 0)
      sum = {
        kind,
        hour,
        subject: no,
        coarse,
        part: share.status,
        requests: 0,
        cost: 0n,
        saved: 0n,
        unpriced: 0,
        units,
      }
      sums.set(name, sum)
    }
    sum.requests += share.requests
    sum.cost += share.costNanoUsd
    if (share.savedNanoUsd !== undefined) sum.saved += share.savedNanoUsd
    if (share.unpriced) sum.unpriced++
    for (let index = 0; index < UNITS.length; index++) {
      const unit = UNITS[index] as UsageUnit
      const amount = share.usage[unit]
      if (amount !== 0) sum.units[index] = (sum.units[index] ?? 0) + wholeUnits(unit, amount)
    }
  }

  function addSpend(hour: number, { slim, coarse, detail }: Subject, share: Share): void {
    addTo(detail === null ? KINDS.plain : KINDS.undetailed, hour, slim, coarse, share)
    if (detail !== null) addTo(KINDS.detailed, hour, detail, coarse, share)
  }

  function countAt(kind: number, hour: number, no: number, coarse: number, bucket: number): void {
    const name = nameOf(kind, hour, no * COST_BUCKETS + bucket)
    const known = counts.get(name)
    if (known !== undefined) known.requests++
    else counts.set(name, { kind, hour, subject: no, coarse, part: bucket, requests: 1 })
  }

  function count(hour: number, { slim, coarse, detail }: Subject, bucket: number): void {
    countAt(detail === null ? KINDS.plain : KINDS.undetailed, hour, slim, coarse, bucket)
    if (detail !== null) countAt(KINDS.detailed, hour, detail, coarse, bucket)
  }

  function forget(): void {
    sums = new Map()
    counts = new Map()
    firstHour = -1
    newest = -1
  }

  return {
    add(entry, subject, partSubjects) {
      const hour = Math.floor(entry.at / HOUR_MS)
      if (firstHour === -1) firstHour = hour
      if (hour > newest) newest = hour
      addSpend(hour, subject, ownShare(entry))
      for (const [index, part] of (entry.parts ?? []).entries()) {
        const at = partSubjects[index]
        if (at !== undefined) addSpend(hour, at, partShare(entry, part))
      }
      if (hasOwnCost(entry.status)) count(hour, subject, costBucket(entry.costNanoUsd))
    },
    write() {
      if (sums.size === 0) return
      // Twice what is added, so that the moment never falls behind for ever.
      const folded = fold.towards(newest, 2 * (sums.size + counts.size))
      for (const sum of sums.values()) {
        const { requests, cost, saved, unpriced, units } = sum
        spend.add(sum, folded, [requests, int64(cost), int64(saved), unpriced, ...units])
      }
      for (const sum of counts.values()) costs.add(sum, folded, [sum.requests])
      forget()
    },
    forget,
  }
}
