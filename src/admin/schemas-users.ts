// The JSON of users, groups, codes and sales in the admin API: what is taken, checked strictly, and what is given.
import { z } from '@hono/zod-openapi'
import { parseAmount } from '../config/budget-values.ts'
import {
  CODE_KINDS,
  CREDIT_KINDS,
  type Credit as CoreCredit,
  type User as CoreUser,
  type UserCode,
  type UserGroup,
} from '../core/user.ts'
import { formatUsd } from '../core/money.ts'
import type { BudgetState } from '../limits/budgets.ts'
import type { SalesRow as CoreSalesRow } from '../store/store.ts'
import { parseMultiplier, writeMultiplier } from '../users/multiplier.ts'
import { time } from './render.ts'
import { moment, momentOrDay, pageFields } from './schemas.ts'
import { amount } from './schemas-budget-limits.ts'

const text = z.string()
const login = text.min(2).max(100).openapi({ description: 'E-mail address or name; its case does not matter.' })
const password = text.min(10).max(200)
const groupName = text.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'expected letters, digits, dots, dashes and underscores')
const note = text.max(200)
const signedAmount = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const written = String(value).trim()
    const nano = parseAmount(written.replace(/^-/, ''))
    if (nano !== null && nano !== 0n) return written.startsWith('-') ? -nano : nano
    context.addIssue({ code: 'custom', message: 'expected dollars above or below 0, nine decimal places at most' })
    return z.NEVER
  })
  .openapi({ type: 'string', description: 'Dollars, exact decimal; below zero it takes money back.', example: '20' })

export const UserInput = z
  .strictObject({
    login,
    password: password.optional().openapi({ description: 'Left out, nobody can log in until one is set.' }),
    group: groupName.optional(),
    credit_usd: amount.optional().openapi({ description: 'What the balance begins with. Default: 0.' }),
  })
  .openapi('UserInput')
export const UserChange = z
  .strictObject({
    login: login.optional(),
    password: password.optional().openapi({ description: 'Ends all log-ins of the user.' }),
    group: groupName.optional(),
    disabled: z.boolean().optional(),
  })
  .openapi('UserChange', { description: 'Only what is named changes.' })
export const CreditInput = z
  .strictObject({
    amount_usd: signedAmount,
    note: note.optional(),
    reference: text.min(1).max(200).optional().openapi({
      description: 'Of one reference there is one credit, however often it is sent. Default: a new one.',
    }),
  })
  .openapi('CreditInput')
export const CreditsQuery = z.strictObject({
  kind: z.enum(CREDIT_KINDS).optional(),
  ...pageFields,
})
export const UsersQuery = z.strictObject({
  group: text.min(1).optional(),
  login: text.min(1).optional().openapi({ description: 'The user with this login, if there is one.' }),
  ...pageFields,
})

export const User = z
  .object({
    id: text,
    login: text,
    group: text,
    disabled: z.boolean(),
    created_at: text,
    invited_by: text.nullable(),
    balance_usd: text.openapi({ description: 'What was credited, less what was charged.' }),
    credited_usd: text,
    charged_usd: text,
    held_usd: text.openapi({ description: 'What requests in flight may be charged at most.' }),
  })
  .openapi('User')
export const Credit = z
  .object({
    id: text,
    user: text,
    at: text,
    kind: z.enum(CREDIT_KINDS),
    amount_usd: text,
    amount_nano_usd: text,
    reference: text,
    note: text,
  })
  .openapi('Credit')

const multiplier = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const millionths = parseMultiplier(String(value))
    if (millionths !== null) return millionths
    context.addIssue({ code: 'custom', message: 'expected a number from 0 to 1000 with six decimal places at most' })
    return z.NEVER
  })
  .openapi({ type: 'string', description: 'What is charged for a cost of 1.', example: '1.25' })
const models = z.array(text.min(1).max(256)).max(1000).nullable().openapi({
  description: 'Globs over the models that keys of its users may use. Null allows every model, an empty list none.',
})
export const GroupInput = z
  .strictObject({ name: groupName, multiplier, models: models.optional() })
  .openapi('GroupInput')
export const GroupChange = z
  .strictObject({ multiplier: multiplier.optional(), models: models.optional() })
  .openapi('GroupChange', { description: 'Only what is named changes; requests in flight keep the old price.' })
export const Group = z
  .object({ name: text, multiplier: text, models: z.array(text).nullable(), created_at: text })
  .openapi('Group')
export const NameParam = z.object({ name: text.min(1).max(200) })

export const CodesInput = z
  .strictObject({
    kind: z.enum(CODE_KINDS).default('redemption'),
    count: z.number().int().min(1).max(1000).default(1),
    amount_usd: amount.optional().openapi({
      description: 'What each is worth. Needed for `redemption`; of an invitation what the new balance begins with.',
    }),
    group: groupName.optional().openapi({ description: 'Group of who registers; for invitations only.' }),
    note: note.optional(),
    expires_at: moment.optional().openapi({ type: 'string', format: 'date-time' }),
  })
  .openapi('CodesInput')
export const CodesQuery = z.strictObject({ batch: text.min(1).optional(), ...pageFields })
export const NewCodes = z
  .object({ batch: text, codes: z.array(z.object({ id: text, code: text })) })
  .openapi('NewCodes', { description: 'The codes: in this answer, and never again.' })
export const Code = z
  .object({
    id: text,
    kind: z.enum(CODE_KINDS),
    batch: text,
    amount_usd: text,
    group: text.nullable(),
    note: text,
    made_by: text.nullable().openapi({ description: 'Id of a user; null: the operator.' }),
    created_at: text,
    expires_at: text.nullable(),
    used_by: text.nullable(),
    used_at: text.nullable(),
  })
  .openapi('Code')

const DIMENSIONS = ['user', 'group', 'key', 'route', 'model', 'provider'] as const
export const SalesQuery = z.strictObject({
  by: text
    .transform((list) => list.split(',').filter((part) => part !== ''))
    .pipe(z.array(z.enum(DIMENSIONS)))
    .default([])
    .openapi({ type: 'string', description: `Comma-separated, of ${DIMENSIONS.join(', ')}.`, example: 'user' }),
  bucket: z.enum(['day', 'month']).optional(),
  user: text.min(1).optional().openapi({ description: 'Id of a user. Default: all.' }),
  from: momentOrDay.optional().openapi({
    type: 'string',
    description: 'Inclusive; 30 days before `to` when absent. Widened to whole days (UTC).',
  }),
  to: momentOrDay
    .optional()
    .openapi({ type: 'string', description: 'Exclusive; now when absent. Widened to whole days (UTC).' }),
})
const SalesSums = z
  .object({
    requests: z.number(),
    input_tokens: z.number(),
    output_tokens: z.number(),
    cost_usd: text.openapi({ description: 'What the providers ask.' }),
    charged_usd: text.openapi({ description: 'What the users were charged.' }),
    margin_usd: text.openapi({ description: 'What was charged, less what it cost.' }),
    cost_nano_usd: text,
    charged_nano_usd: text,
    margin_nano_usd: text,
  })
  .openapi('SalesSums')
const SalesRow = SalesSums.extend({
  at: text.optional().openapi({ description: 'Start of the bucket.' }),
  ...Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, text.nullable().optional()])),
}).openapi('SalesRow')
export const SalesReport = z
  .object({ from: text, to: text, rows: z.array(SalesRow), total: SalesSums })
  .openapi('SalesReport')

export function renderUser(user: CoreUser, balance: BudgetState): z.output<typeof User> {
  return {
    id: user.id,
    login: user.login,
    group: user.group,
    disabled: user.disabled,
    created_at: time(user.createdAt),
    invited_by: user.invitedBy,
    balance_usd: formatUsd(balance.limitNanoUsd - balance.spentNanoUsd),
    credited_usd: formatUsd(balance.limitNanoUsd),
    charged_usd: formatUsd(balance.spentNanoUsd),
    held_usd: formatUsd(balance.heldNanoUsd),
  }
}

export function renderCredit(credit: CoreCredit): z.output<typeof Credit> {
  return {
    id: credit.id,
    user: credit.userId,
    at: time(credit.at),
    kind: credit.kind,
    amount_usd: formatUsd(credit.amountNanoUsd),
    amount_nano_usd: credit.amountNanoUsd.toString(),
    reference: credit.reference,
    note: credit.note,
  }
}

export function renderGroup({
  name,
  multiplierMillionths,
  models: globs,
  createdAt,
}: UserGroup): z.output<typeof Group> {
  return {
    name,
    multiplier: writeMultiplier(multiplierMillionths),
    models: globs === null ? null : [...globs],
    created_at: time(createdAt),
  }
}

export function renderCode(code: UserCode): z.output<typeof Code> {
  return {
    id: code.id,
    kind: code.kind,
    batch: code.batch,
    amount_usd: formatUsd(code.amountNanoUsd),
    group: code.group,
    note: code.note,
    made_by: code.madeBy,
    created_at: time(code.createdAt),
    expires_at: code.expiresAt === null ? null : time(code.expiresAt),
    used_by: code.usedBy,
    used_at: code.usedAt === null ? null : time(code.usedAt),
  }
}

export function renderSales(row: Omit<CoreSalesRow, 'group' | 'at'>): z.output<typeof SalesSums> {
  const margin = row.chargedNanoUsd - row.costNanoUsd
  return {
    requests: row.requests,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cost_usd: formatUsd(row.costNanoUsd),
    charged_usd: formatUsd(row.chargedNanoUsd),
    margin_usd: formatUsd(margin),
    cost_nano_usd: row.costNanoUsd.toString(),
    charged_nano_usd: row.chargedNanoUsd.toString(),
    margin_nano_usd: margin.toString(),
  }
}

export function renderSalesRow(row: CoreSalesRow): z.output<typeof SalesRow> {
  return { ...(row.at === null ? {} : { at: time(row.at) }), ...row.group, ...renderSales(row) }
}
