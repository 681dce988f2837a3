// Looks through the counts by cost: those of each hour are computed again from the entries, and each row of requests must
// have as many requests in its counts, in every span.
import { costBucket } from '../core/cost-sketch.ts'
import { ENTRY_STATUSES } from './codec.ts'
import type { Connection } from './sqlite-connection.ts'
import { hasOwnCost } from './sqlite-rollup.ts'
import { HOUR_MS, KINDS } from './sqlite-spans.ts'

/** Requests by `kind hour bucket`. */
export type CostSums = Map<string, number>

const COUNTED = ENTRY_STATUSES.map((status, place) => (hasOwnCost(status) ? place : -1)).filter((place) => place >= 0)

type Costs = { readonly hour: number; readonly status: bigint; readonly cost: bigint; readonly isDetailed: boolean }

export function countCost(sums: CostSums, { hour, status, cost, isDetailed }: Costs): void {
  if (!COUNTED.includes(Number(status))) return
  const bucket = costBucket(cost)
  for (const kind of isDetailed ? [KINDS.undetailed, KINDS.detailed] : [KINDS.plain]) {
    const name = `${kind} ${hour} ${bucket}`
    sums.set(name, (sums.get(name) ?? 0) + 1)
  }
}

/** Returns how many rows there were. */
export function compareCosts(
  database: Connection,
  sums: CostSums,
  beforeHour: number,
  differ: (sentence: string) => void,
): number {
  const left = new Map(sums)
  using hours = database.prepare<{ kind: number; at: number; bucket: number; requests: number }, [number]>(
    `SELECT kind, at, bucket, sum(requests) AS requests FROM spend_costs WHERE span = 0 AND at >= ? GROUP BY kind, at, bucket`,
  )
  for (const { kind, at, bucket, requests } of hours.iterate(beforeHour)) {
    const name = `${kind} ${at} ${bucket}`
    const wanted = left.get(name) ?? 0
    left.delete(name)
    if (requests !== wanted)
      differ(`hour ${timeOf(at)}: ${requests} requests are counted by cost, and the entries say ${wanted}`)
  }
  for (const [name, wanted] of left)
    differ(`hour ${timeOf(Number(name.split(' ')[1]))}: no requests are counted by cost, and the entries say ${wanted}`)
  using rows = database.prepare<{ at: number; wanted: number; found: number }, []>(
    `SELECT at, sum(wanted) AS wanted, sum(found) AS found FROM (
       SELECT span, kind, at, subject, requests AS wanted, 0 AS found FROM spend WHERE status IN (${COUNTED.join(', ')})
       UNION ALL SELECT span, kind, at, subject, 0, requests FROM spend_costs)
     GROUP BY span, kind, at, subject HAVING sum(wanted) <> sum(found)`,
  )
  for (const { at, wanted, found } of rows.iterate())
    differ(`from ${timeOf(at)}: ${found} requests are counted by cost of ${wanted}`)
  return database.query<{ count: number }, []>('SELECT count(*) AS count FROM spend_costs').get()?.count ?? 0
}

function timeOf(hour: number): string {
  return new Date(hour * HOUR_MS).toISOString()
}
