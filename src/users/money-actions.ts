// Actions about money: codes, what was credited, what was used and charged, and invitations.
import { z } from 'zod'
import { GatewayError } from '../core/error.ts'
import type { VirtualKey } from '../core/key.ts'
import type { RequestRecord } from '../core/ledger.ts'
import { formatUsd } from '../core/money.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import type { Credit, Sale, User, UserCode } from '../core/user.ts'
import type { Page, SalesDimension, SalesRow } from '../store/store.ts'
import { meOf } from './account-actions.ts'
import { type Action, ownAction, type UserTools } from './action.ts'
import { makeCodes } from './codes.ts'
import { redeem } from './credits.ts'
import { ownKey } from './key-actions.ts'

const DAY_MS = 86_400_000
const DEFAULT_DAYS = 30
const PAGE = 50
const INVITATION_DAYS = 30
/** What users may group by: which provider was asked is the operator's to know. */
const DIMENSIONS = ['key', 'model'] as const
const PUBLIC: Readonly<Record<(typeof DIMENSIONS)[number], SalesDimension>> = { key: 'key', model: 'route' }

export type UsageRow = {
  readonly at: string | null
  readonly key?: string | null
  readonly model?: string | null
  readonly requests: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly charged_usd: string
}

const cursor = z.string().min(1).max(500).optional()
const day = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).transform((text) => Date.parse(text))

export const MONEY_ACTIONS: readonly Action[] = [
  ownAction('POST', 'redeem', {
    fields: z.strictObject({ code: z.string().max(200) }),
    async run({ code }, { user, address }, tools) {
      tools.failures.byAddress.check(address)
      try {
        const credit = await redeem(user, code, tools)
        return { body: { credit: creditJson(credit), balance_usd: (await meOf(user, tools)).balance_usd } }
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'code_invalid') tools.failures.byAddress.failed(address)
        throw error
      }
    },
  }),
  ownAction('GET', 'credits', {
    fields: z.strictObject({ cursor }),
    async run({ cursor: after = null }, { user }, { store }) {
      const page = await store.listCredits({ userId: user.id, cursor: after, limit: PAGE })
      return { body: { data: page.data.map(creditJson), next: page.next } }
    },
  }),
  ownAction('GET', 'usage', {
    fields: z.strictObject({
      by: z.enum(DIMENSIONS).optional(),
      bucket: z.enum(['day', 'month']).optional(),
      from: day.optional(),
      to: day.optional(),
    }),
    run: async (query, { user }, tools) => ({ body: { rows: await usageOf(user, query, tools) } }),
  }),
  ownAction('GET', 'requests', {
    fields: z.strictObject({ key: z.string().min(1).max(200), cursor }),
    async run({ key, cursor: after = null }, { user }, tools) {
      const { data, next } = await requestsOf(user, { key, cursor: after }, tools)
      return { body: { data, next } }
    },
  }),
  ownAction('GET', 'invitations', {
    fields: z.strictObject({ cursor }),
    async run({ cursor: after = null }, { user }, { store }) {
      const page = await store.listCodes({ madeBy: user.id, cursor: after, limit: PAGE })
      const data = page.data.map(({ id, createdAt, expiresAt, usedAt }) => ({
        id,
        created_at: time(createdAt),
        expires_at: expiresAt === null ? null : time(expiresAt),
        used_at: usedAt === null ? null : time(usedAt),
      }))
      return { body: { data, next: page.next } }
    },
  }),
  ownAction('POST', 'invitations', {
    fields: z.strictObject({}),
    run: async (_, { user }, tools) => ({ status: 201, body: await invite(user, tools) }),
  }),
]

export type RequestRow = ReturnType<typeof requestJson>

/** A page of the requests of one of the user's keys. Throws `not_found`. */
export async function requestsOf(
  user: User,
  { key: id, cursor: after }: { readonly key: string; readonly cursor: string | null },
  tools: UserTools,
): Promise<{ readonly key: VirtualKey; readonly data: readonly RequestRow[]; readonly next: string | null }> {
  const key = await ownKey(id, user, tools)
  const page = await tools.store.listRequests({ keyId: key.id, cursor: after, limit: PAGE })
  const data = await Promise.all(
    page.data.map(async (record) => requestJson(record, (await tools.store.getEntry(record.id))?.sale ?? null)),
  )
  return { key, data, next: page.next }
}

export async function usageOf(
  user: User,
  {
    by,
    bucket,
    from,
    to,
  }: {
    readonly by?: 'key' | 'model' | undefined
    readonly bucket?: 'day' | 'month' | undefined
    readonly from?: number | undefined
    readonly to?: number | undefined
  },
  { store, now }: Pick<UserTools, 'store' | 'now'>,
): Promise<readonly UsageRow[]> {
  const until = to ?? now() + 1
  const rows = await store.sales({
    by: by === undefined ? [] : [PUBLIC[by]],
    bucket: bucket ?? null,
    from: from ?? until - DEFAULT_DAYS * DAY_MS,
    to: until,
    userId: user.id,
  })
  return rows.map((row) => usageJson(row, by))
}

function usageJson(row: SalesRow, by: 'key' | 'model' | undefined): UsageRow {
  return {
    at: row.at === null ? null : time(row.at),
    ...(by === undefined ? {} : { [by]: row.group[PUBLIC[by]] ?? null }),
    requests: row.requests,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    charged_usd: formatUsd(row.chargedNanoUsd),
  }
}

function requestJson(record: RequestRecord, sale: Sale | null) {
  return {
    id: record.id,
    at: time(record.at),
    model: record.dimensions.requestedModel,
    operation: record.dimensions.operation,
    status: record.status,
    error: record.errorCode,
    stream: record.stream,
    duration_ms: Math.round(record.durationMs),
    ttft_ms: record.ttftMs === null ? null : Math.round(record.ttftMs),
    input_tokens: record.usage === null ? 0 : inputTokens(record.usage),
    output_tokens: record.usage === null ? 0 : outputTokens(record.usage),
    charged_usd: sale === null ? '0' : formatUsd(sale.chargedNanoUsd),
  }
}

function creditJson({ id, at, kind, amountNanoUsd, note }: Credit): object {
  return { id, at: time(at), kind, amount_usd: formatUsd(amountNanoUsd), note }
}

async function invite(user: User, tools: UserTools): Promise<object> {
  const { store, hash, now, settings } = tools
  const { maxInvitations, registration } = settings()
  if (registration === 'closed' || maxInvitations === 0)
    throw new GatewayError('registration_closed', { message: 'Only the operator invites here.' })
  const at = now()
  const tooMany = new GatewayError('conflict', {
    message: `You have ${maxInvitations} invitations that nobody has taken yet, which is as many as there may be.`,
  })
  if ((await openInvitations(user, tools)) >= maxInvitations) throw tooMany
  const expiresAt = at + INVITATION_DAYS * DAY_MS
  const worth = { kind: 'invitation', amountNanoUsd: 0n, group: null, note: '' } as const
  const [made] = makeCodes({ ...worth, count: 1, madeBy: user.id, expiresAt }, { hash, now: at })
  if (made === undefined) throw new Error('one code was to be made, and none was')
  await store.insertCodes([made.row])
  // Of several that were made at once none stays that is too many.
  if ((await openInvitations(user, tools)) > maxInvitations) {
    await store.deleteCode(made.row.id)
    throw tooMany
  }
  return { id: made.row.id, code: made.code, expires_at: time(expiresAt) }
}

async function openInvitations(user: User, { store, now }: UserTools): Promise<number> {
  let open = 0
  let cursor: string | null = null
  do {
    const page: Page<UserCode> = await store.listCodes({ madeBy: user.id, cursor, limit: 500 })
    open += page.data.filter(({ usedAt, expiresAt }) => usedAt === null && (expiresAt ?? Infinity) > now()).length
    cursor = page.next
  } while (cursor !== null)
  return open
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
