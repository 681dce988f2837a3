// Parts of entries in SQLite: what attempts at other targets cost. Few entries have any.
import type { Entry, EntryPart } from '../core/ledger.ts'
import { int64, parseUsage, usageText } from './codec.ts'
import type { Connection } from './sqlite-connection.ts'
import type { Interner, Subject } from './sqlite-subjects.ts'

/** A column of a query over `entries e`: its parts as a JSON array, costs as texts. */
export const PARTS_OF_ENTRY = `(SELECT json_group_array(json_array(ps.provider, ps.model, json(p.usage), CAST(p.cost_nano_usd AS TEXT), p.unpriced, pw.word) ORDER BY p.part)
  FROM entry_parts p JOIN subjects ps ON ps.no = p.subject JOIN words pw ON pw.no = p.price_version WHERE p.entry = e.id)`

type PartRow = readonly [
  provider: string,
  model: string,
  usage: Readonly<Record<string, number>>,
  costNanoUsd: string,
  unpriced: number,
  priceVersion: string,
]

export function parseParts(text: string): readonly EntryPart[] {
  return (JSON.parse(text) as readonly PartRow[]).map(([provider, model, usage, cost, unpriced, priceVersion]) => ({
    provider,
    model,
    usage: parseUsage(JSON.stringify(usage)),
    costNanoUsd: BigInt(cost),
    unpriced: unpriced === 1,
    priceVersion,
  }))
}

/** Call what it returns inside the transaction that inserted the entry; it gives the subjects of the parts. */
export function createPartWriter(
  database: Connection,
  interner: Interner,
): (entry: Entry, parts: readonly EntryPart[]) => readonly Subject[] {
  const insert = database.hotStatement('INSERT INTO entry_parts VALUES (?, ?, ?, ?, ?, ?, ?)')
  return (entry, parts) =>
    parts.map((part, place) => {
      const subject = interner.subject(entry.dimensions, part.provider, part.model)
      insert.run(
        entry.id,
        place,
        subject.no,
        usageText(part.usage),
        int64(part.costNanoUsd),
        part.unpriced ? 1 : 0,
        interner.word(part.priceVersion),
      )
      return subject
    })
}
