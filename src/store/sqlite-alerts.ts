// The outbox of alerts in SQLite: what is to be told, and to which destinations it still has to go.
//
// An alert is written once for its key, in the transaction of the fact where that is one of the ledger. Its number is its
// place in the order of all. It is planned once: then it has a delivery for each destination. A delivery is waiting until it
// has ended. Claiming one is a lease: it counts a try and sets `next_at` to where the lease ends, so that nobody else claims
// it meanwhile, and whoever comes after a crash does.
//
// Order: of a destination only the first waiting delivery that is not held may be claimed, and none while an earlier alert
// is not planned yet.
import { createHash } from 'node:crypto'
import { alertKey, type Alert } from '../core/alert.ts'
import { notOurCursor, pageOf } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { AlertStore, Delivery, KeptAlert } from './store.ts'

type AlertRow = { readonly no: number; readonly id: string; readonly body: string }
type ListedRow = AlertRow & { readonly planned_at: number | null }
type DeliveryRow = {
  readonly alert: number
  readonly destination: string
  readonly held_until: number
  readonly next_at: number
  readonly tries: number
  readonly ended_at: number | null
  readonly delivered: number | null
  readonly problem: string | null
}
type ClaimRow = AlertRow & { readonly destination: string; readonly tries: number; readonly held_until: number }

/** Writes an alert unless its key is there; says whether it did. Also within a transaction of others. */
export function createAlertWriter(database: Connection): (alert: Alert) => boolean {
  const insert = database.statement(
    'INSERT INTO alerts (id, kind, at, ends_at, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  )
  return (alert) => insert.run(idOf(alert), alert.kind, alert.at, alert.window.until, JSON.stringify(alert)).changes > 0
}

// Made of the key, so that whoever raises the alert, and however often, receivers see the same id.
function idOf(alert: Alert): string {
  return `alert_${createHash('sha256').update(alertKey(alert)).digest('hex').slice(0, 32)}`
}

const FIRST_FIELDS = 'a.no, a.id, a.body'
/** Thousands may wait for a destination that is away, and nobody has to know whether there are more. */
const MOST_COUNTED = 10_000

// The first delivery of each destination that waits and is not held at ?1, name by name and head by head along the index.
const HEADS = `WITH RECURSIVE names (name) AS (
  SELECT min(destination) FROM alert_deliveries WHERE ended_at IS NULL
  UNION ALL
  SELECT (SELECT min(destination) FROM alert_deliveries WHERE ended_at IS NULL AND destination > name)
  FROM names WHERE name IS NOT NULL
), head (name, alert) AS (
  SELECT name, (SELECT alert FROM alert_deliveries WHERE ended_at IS NULL AND destination = name AND held_until <= ?1
                ORDER BY alert LIMIT 1)
  FROM names WHERE name IS NOT NULL
)`

export function createAlertStore(database: Connection): AlertStore {
  const write = createAlertWriter(database)
  const unplanned = database.statement<AlertRow, [number]>(
    `SELECT ${FIRST_FIELDS} FROM alerts a WHERE planned_at IS NULL ORDER BY no LIMIT ?`,
  )
  const plan = database.statement('UPDATE alerts SET planned_at = ? WHERE no = ? AND planned_at IS NULL')
  const insertDelivery = database.statement('INSERT INTO alert_deliveries VALUES (?, ?, ?, ?, 0, NULL, NULL, NULL)')
  const heads = database.statement<ClaimRow, [number]>(
    `${HEADS} SELECT ${FIRST_FIELDS}, d.destination, d.tries, d.held_until
     FROM head JOIN alert_deliveries d ON d.alert = head.alert AND d.destination = head.name
     JOIN alerts a ON a.no = d.alert
     WHERE d.next_at <= ?1 AND NOT EXISTS (SELECT 1 FROM alerts earlier WHERE earlier.planned_at IS NULL AND earlier.no < d.alert)
     ORDER BY d.alert, d.destination`,
  )
  const oldest = database.statement<{ oldest: number | null }, [number]>(
    `${HEADS} SELECT min(d.held_until) AS oldest
     FROM head JOIN alert_deliveries d ON d.alert = head.alert AND d.destination = head.name`,
  )
  const claim = database.statement(
    'UPDATE alert_deliveries SET next_at = ?, tries = tries + 1 WHERE alert = ? AND destination = ?',
  )
  const end = database.statement(
    'UPDATE alert_deliveries SET ended_at = ?, delivered = ?, problem = ? WHERE alert = ? AND destination = ? AND ended_at IS NULL',
  )
  const again = database.statement(
    `UPDATE alert_deliveries SET next_at = ?, problem = ?
     WHERE alert = ? AND destination = ? AND tries = ? AND ended_at IS NULL`,
  )
  const ended = database.statement<AlertRow, [string, number, number]>(
    `SELECT ${FIRST_FIELDS} FROM alerts a WHERE kind = ? AND ends_at > ? AND ends_at <= ? ORDER BY no`,
  )
  const list = database.statement<ListedRow, (string | number | null)[]>(
    `SELECT ${FIRST_FIELDS}, a.planned_at FROM alerts a
     WHERE no < ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY no DESC LIMIT ?3`,
  )
  const deliveries = database.statement<DeliveryRow, [number, number]>(
    'SELECT * FROM alert_deliveries WHERE alert BETWEEN ? AND ? ORDER BY alert, destination',
  )
  const waiting = database.statement<{ waiting: number }, [number]>(
    'SELECT count(*) AS waiting FROM (SELECT 1 FROM alert_deliveries WHERE ended_at IS NULL LIMIT ?)',
  )
  const prune = database.statement(
    `DELETE FROM alerts WHERE no IN (SELECT no FROM alerts a WHERE a.at < ?1 AND a.ends_at < ?1 AND NOT EXISTS
       (SELECT 1 FROM alert_deliveries d WHERE d.alert = a.no AND d.ended_at IS NULL) ORDER BY no LIMIT ?2)`,
  )

  return {
    raiseAlert: (alert) => guarded(() => write(alert)),
    unplannedAlerts: ({ limit }) => guarded(() => unplanned.all(limit).map(readAlert)),
    planAlert: (no, { at, deliveries: planned }) =>
      guarded(() =>
        database
          .transaction(() => {
            if (plan.run(at, no).changes === 0) return false
            for (const { destination, heldUntil } of planned) insertDelivery.run(no, destination, heldUntil, heldUntil)
            return true
          })
          .immediate(),
      ),
    claimDeliveries: ({ now, until }) =>
      guarded(() => {
        // Nearly always there is nothing to do, and then nobody's writes have to wait for the lock.
        if (heads.get(now) === null) return []
        return database
          .transaction(() =>
            heads.all(now).map((row) => {
              claim.run(until, row.no, row.destination)
              return { ...readAlert(row), destination: row.destination, tries: row.tries + 1, since: row.held_until }
            }),
          )
          .immediate()
      }),
    endDelivery: ({ no, destination, tries }, ending) =>
      guarded(() => {
        switch (ending.type) {
          case 'delivered':
            end.run(ending.at, 1, null, no, destination)
            break
          case 'given_up':
            end.run(ending.at, 0, ending.problem, no, destination)
            break
          case 'again':
            again.run(ending.nextAt, ending.problem, no, destination, tries)
        }
      }),
    endedAlerts: ({ kind, after, until }) =>
      guarded(() => ended.all(kind, after, until).map((row) => readAlert(row).alert)),
    listAlerts: ({ cursor, limit, kind }) =>
      guarded(() =>
        database.transaction(() => {
          const below = cursor === null ? Number.MAX_SAFE_INTEGER : noOf(cursor)
          const page = pageOf(list.all(below, kind ?? null, limit + 1), limit, ({ no }) => String(no))
          const oldest = page.data.at(-1)
          const newest = page.data[0]
          const rows = oldest === undefined || newest === undefined ? [] : deliveries.all(oldest.no, newest.no)
          const ofAlert = Map.groupBy(rows, ({ alert }) => alert)
          const data = page.data.map((row) => ({
            ...readAlert(row),
            plannedAt: row.planned_at,
            deliveries: (ofAlert.get(row.no) ?? []).map(readDelivery),
          }))
          return { data, next: page.next }
        })(),
      ),
    outboxState: ({ now }) =>
      guarded(() => ({
        waiting: waiting.get(MOST_COUNTED)?.waiting ?? 0,
        oldestAt: oldest.get(now)?.oldest ?? null,
      })),
    pruneAlerts: ({ before, limit }) => guarded(() => prune.run(before, limit).changes),
  }
}

function readAlert({ no, id, body }: AlertRow): KeptAlert {
  const alert = JSON.parse(body) as Alert
  if (alert.isOver !== true) return { no, id, incidentId: id, alert }
  const { isOver: _isOver, ...begun } = alert
  return { no, id, incidentId: idOf(begun), alert }
}

function readDelivery(row: DeliveryRow): Delivery {
  return {
    destination: row.destination,
    state: row.ended_at === null ? 'waiting' : row.delivered === 1 ? 'delivered' : 'given_up',
    tries: row.tries,
    nextAt: row.ended_at === null ? row.next_at : null,
    endedAt: row.ended_at,
    problem: row.problem,
  }
}

function noOf(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw notOurCursor()
  return Number(cursor)
}
