// Reports of drills in SQLite: few, written whole.
import type { DrillReport } from '../core/drill.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { DrillStore } from './store.ts'

type DrillRow = { readonly body: string }

export function createDrillStore(database: Connection): DrillStore {
  const put = database.statement(
    'INSERT INTO drills (id, started_at, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body',
  )
  const get = database.statement<DrillRow, [string]>('SELECT body FROM drills WHERE id = ?')
  const list = database.statement<DrillRow, [number]>(
    'SELECT body FROM drills ORDER BY started_at DESC, id DESC LIMIT ?',
  )
  return {
    putDrill: (report) =>
      guarded(() => {
        put.run(report.id, report.startedAt, JSON.stringify(report))
      }),
    getDrill: (id) =>
      guarded(() => {
        const row = get.get(id)
        return row === null ? null : readReport(row)
      }),
    listDrills: ({ limit }) => guarded(() => list.all(limit).map(readReport)),
  }
}

function readReport({ body }: DrillRow): DrillReport {
  return JSON.parse(body) as DrillReport
}
