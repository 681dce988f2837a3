// What makes balances grow, in SQLite: credits, and codes that work once.
//
// A code is used up by one conditional update, in the transaction that writes what it gives: of two redemptions at once
// one finds it unused.
import { GatewayError } from '../core/error.ts'
import type { CodeKind, Credit, CreditKind, UserCode } from '../core/user.ts'
import { int64 } from './codec.ts'
import { notOurCursor, pageOf, parseTimeCursor, timeCursor } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { UserStore } from './store.ts'

type CreditRow = {
  readonly no: bigint
  readonly id: string
  readonly user_id: string
  readonly at: bigint
  readonly kind: string
  readonly amount_nano_usd: bigint
  readonly reference: string
  readonly note: string
}
type CodeRow = {
  readonly id: string
  readonly kind: string
  readonly hash: string
  readonly batch: string
  readonly amount_nano_usd: bigint
  readonly user_group: string | null
  readonly note: string
  readonly made_by: string | null
  readonly created_at: bigint
  readonly expires_at: bigint | null
  readonly used_by: string | null
  readonly used_at: bigint | null
}

/** Inserts a credit; false: there is one of its kind and reference. Call it inside a transaction. */
export function createCreditWriter(database: Connection): (credit: Credit) => boolean {
  const insert = database.statement(
    'INSERT INTO credits VALUES (NULL, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, reference) DO NOTHING',
  )
  return ({ id, userId, at, kind, amountNanoUsd, reference, note }) =>
    insert.run(id, userId, at, kind, int64(amountNanoUsd), reference, note).changes > 0
}

/** Uses a code up; false: it was used or has expired by then. Call it inside a transaction. */
export function takeCode(
  database: Connection,
): (id: string, by: { readonly userId: string; readonly now: number }) => boolean {
  const take = database.statement(
    `UPDATE user_codes SET used_by = ?2, used_at = ?3
     WHERE id = ?1 AND used_at IS NULL AND (expires_at IS NULL OR expires_at > ?3)`,
  )
  return (id, { userId, now }) => take.run(id, userId, now).changes > 0
}

export function createCodeStore(
  database: Connection,
): Pick<
  UserStore,
  'addCredit' | 'listCredits' | 'creditsSince' | 'insertCodes' | 'findCode' | 'listCodes' | 'redeemCode' | 'deleteCode'
> {
  return { ...createCredits(database), ...createCodes(database) }
}

function createCredits(database: Connection): Pick<UserStore, 'addCredit' | 'listCredits' | 'creditsSince'> {
  const write = createCreditWriter(database)
  const find = database
    .statement<CreditRow, [string, string]>('SELECT * FROM credits WHERE kind = ? AND reference = ?')
    .safeIntegers(true)
  const ofKind = 'no < ?1 AND (?2 IS NULL OR kind = ?2)'
  const list = database
    .statement<CreditRow, (string | number | null)[]>(`SELECT * FROM credits WHERE ${ofKind} ORDER BY no DESC LIMIT ?3`)
    .safeIntegers(true)
  const listOfUser = database
    .statement<CreditRow, (string | number | null)[]>(
      `SELECT * FROM credits WHERE user_id = ?4 AND ${ofKind} ORDER BY no DESC LIMIT ?3`,
    )
    .safeIntegers(true)
  const last = database.statement<{ no: number | null }, []>('SELECT max(no) AS no FROM credits')
  const totals = database
    .statement<{ user_id: string; credited: bigint }, [number]>(
      `SELECT user_id, sum(amount_nano_usd) AS credited FROM credits
       WHERE user_id IN (SELECT user_id FROM credits WHERE no > ?) GROUP BY user_id`,
    )
    .safeIntegers(true)

  return {
    addCredit: (credit) =>
      guarded(() =>
        database
          .transaction(() => {
            if (write(credit)) return { credit, isNew: true }
            const known = find.get(credit.kind, credit.reference)
            if (known === null) throw new Error('a credit that stood in the way is not there')
            return { credit: readCredit(known), isNew: false }
          })
          .immediate(),
      ),
    listCredits: ({ userId, kind = null, cursor, limit }) =>
      guarded(() => {
        if (cursor !== null && !/^\d{1,15}$/.test(cursor)) throw notOurCursor()
        const page = [cursor === null ? Number.MAX_SAFE_INTEGER : Number(cursor), kind, limit + 1] as const
        const rows = userId === undefined ? list.all(...page) : listOfUser.all(...page, userId)
        const { data, next } = pageOf(rows, limit, ({ no }) => String(no))
        return { data: data.map(readCredit), next }
      }),
    creditsSince: (no) =>
      guarded(() =>
        database.transaction(() => {
          const newest = last.get()?.no ?? 0
          if (newest <= no) return { no, totals: [] }
          const rows = totals.all(no)
          return {
            no: newest,
            totals: rows.map(({ user_id: userId, credited }) => ({ userId, creditedNanoUsd: credited })),
          }
        })(),
      ),
  }
}

function createCodes(
  database: Connection,
): Pick<UserStore, 'insertCodes' | 'findCode' | 'listCodes' | 'redeemCode' | 'deleteCode'> {
  const insert = database.statement('INSERT INTO user_codes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)')
  const find = database
    .statement<CodeRow, [string, string, number]>(
      `SELECT * FROM user_codes
       WHERE kind = ? AND hash = ? AND used_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
    )
    .safeIntegers(true)
  const list = database
    .statement<CodeRow, (string | number | null)[]>(
      `SELECT * FROM user_codes WHERE (created_at, id) < (?1, ?2) AND (?3 IS NULL OR batch = ?3)
       AND (?4 IS NULL OR made_by = ?4) ORDER BY created_at DESC, id DESC LIMIT ?5`,
    )
    .safeIntegers(true)
  const drop = database.statement('DELETE FROM user_codes WHERE id = ? AND used_at IS NULL')
  const take = takeCode(database)
  const write = createCreditWriter(database)

  return {
    insertCodes: (codes) =>
      guarded(() => {
        database
          .transaction(() => {
            for (const code of codes)
              insert.run(
                code.id,
                code.kind,
                code.hash,
                code.batch,
                int64(code.amountNanoUsd),
                code.group,
                code.note,
                code.madeBy,
                code.createdAt,
                code.expiresAt,
              )
          })
          .immediate()
      }),
    findCode: (kind, hash, now) =>
      guarded(() => {
        const row = find.get(kind, hash, now)
        return row === null ? null : readCode(row)
      }),
    listCodes: ({ cursor, limit, batch, madeBy }) =>
      guarded(() => {
        const { at, id } = cursor === null ? { at: Number.MAX_SAFE_INTEGER, id: '' } : parseTimeCursor(cursor)
        const rows = list.all(at, id, batch ?? null, madeBy ?? null, limit + 1)
        return pageOf(rows.map(readCode), limit, timeCursor)
      }),
    redeemCode: (id, credit) =>
      guarded(() => {
        database
          .transaction(() => {
            if (!take(id, { userId: credit.userId, now: credit.at })) throw new GatewayError('code_invalid')
            if (!write(credit)) throw new Error(`the code ${id} was unused, and has a credit`)
          })
          .immediate()
      }),
    deleteCode: (id) => guarded(() => drop.run(id).changes > 0),
  }
}

function readCredit(row: CreditRow): Credit {
  return {
    id: row.id,
    userId: row.user_id,
    at: Number(row.at),
    kind: row.kind as CreditKind,
    amountNanoUsd: row.amount_nano_usd,
    reference: row.reference,
    note: row.note,
  }
}

function readCode(row: CodeRow): UserCode {
  return {
    id: row.id,
    kind: row.kind as CodeKind,
    hash: row.hash,
    batch: row.batch,
    amountNanoUsd: row.amount_nano_usd,
    group: row.user_group,
    note: row.note,
    madeBy: row.made_by,
    createdAt: Number(row.created_at),
    expiresAt: row.expires_at === null ? null : Number(row.expires_at),
    usedBy: row.used_by,
    usedAt: row.used_at === null ? null : Number(row.used_at),
  }
}
