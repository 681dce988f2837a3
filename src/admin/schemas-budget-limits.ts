// What a budget allows, as the admin API takes it: alone, or with the key or team that it is for.
import { z } from '@hono/zod-openapi'
import { parseAmount, parseWindow, WINDOW_WORDS } from '../config/budget-values.ts'
import { readOnExhausted } from '../config/schema-budgets.ts'
import { isTimeZone, type Budget as CoreBudget } from '../core/budget.ts'

export const amount = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const nano = parseAmount(value)
    if (nano !== null) return nano
    context.addIssue({
      code: 'custom',
      message: 'expected dollars from 0, nine decimal places at most, such as 500 or "0.25"',
    })
    return z.NEVER
  })
  .openapi({ type: 'string', description: 'Dollars, exact decimal; a number is taken, too.', example: '500' })
export const window = z
  .string()
  .refine((text) => parseWindow(text, 'UTC') !== null, `expected ${WINDOW_WORDS}`)
  .openapi({ description: `One of ${WINDOW_WORDS}.`, example: 'month' })
const timeZone = z
  .string()
  .refine(isTimeZone, 'expected a time zone such as Europe/Berlin')
  .openapi({ description: 'Where the days of a calendar window begin. Default: UTC.' })
const onExhausted = z
  .unknown()
  .transform((value, context) => {
    const read = readOnExhausted(value)
    if (read !== null) return read
    context.addIssue({ code: 'custom', message: 'expected reject, alert, or {"degrade": {"to": "<route>"}}' })
    return z.NEVER
  })
  .openapi({
    description:
      '`reject`: 402. `alert`: nothing is refused. `{"degrade": {"to": "<route>"}}`: requests take that route instead. Default: reject.',
    example: 'reject',
  })
const share = z.number().gt(0).max(10)

export const limitFields = {
  window,
  time_zone: timeZone.optional(),
  limit_usd: amount,
  on_exhausted: onExhausted.optional(),
  borrow_usd: amount
    .nullable()
    .optional()
    .openapi({
      type: ['string', 'null'],
      description: 'How far it may go beyond its limit while the budget of a wider scope has room.',
    }),
  alert_at: z.array(share).max(20).optional().openapi({ description: 'Shares of the limit that are told of.' }),
}

/** A budget of the key or team that is made in the same call. */
export const OwnBudgetInput = z.strictObject(limitFields).openapi('OwnBudgetInput')
type LimitFields = {
  readonly [field in keyof z.output<typeof OwnBudgetInput>]?: z.output<typeof OwnBudgetInput>[field] | undefined
}

/** The fields of a budget that a body names, in the words of the core. */
export function readLimitFields(body: LimitFields, zone: string): Partial<CoreBudget> {
  const { window: written, limit_usd: limit, on_exhausted: exhausted, borrow_usd: borrow, alert_at: alertAt } = body
  const parsed = written === undefined ? null : parseWindow(written, body.time_zone ?? zone)
  return {
    ...(parsed === null ? {} : { window: parsed }),
    ...(limit === undefined ? {} : { limitNanoUsd: limit }),
    ...(exhausted === undefined ? {} : { onExhausted: exhausted }),
    ...(borrow === undefined ? {} : { borrowNanoUsd: borrow }),
    ...(alertAt === undefined ? {} : { alertAt }),
  }
}
