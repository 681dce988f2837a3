// `budgets:` of the file: the parsed value as types, then its fields.
import {
  BUDGET_SCOPES,
  DEFAULT_ALERT_AT,
  isTimeZone,
  type BudgetScope,
  type BudgetWindow,
  type OnExhausted,
} from '../core/budget.ts'
import { formatUsd } from '../core/money.ts'
import { parseAmount, parseWindow, WINDOW_WORDS } from './budget-values.ts'
import { changed, choice, type Field, leaf, list, section, text } from './fields.ts'

export type BudgetConfig = {
  readonly scope: BudgetScope
  /** Absent: each subject of the scope has one of its own. */
  readonly subject: string | null
  readonly window: BudgetWindow
  /** Dollars, exact decimal text: a config is shown as JSON, which has no big integers. */
  readonly limitUsd: string
  readonly onExhausted: OnExhausted
  readonly borrowUsd: string | null
  readonly alertAt: readonly number[]
}

type BudgetFile = {
  readonly scope: BudgetScope
  readonly id?: string
  readonly window: string
  readonly timeZone: string
  readonly limitUsd: string
  readonly onExhausted: OnExhausted
  readonly borrowUsd?: string
  readonly alertAt: readonly number[]
}

function amount(description: string): Field<string> {
  return leaf({ description, kind: 'dollars', range: 'from 0, nine decimal places at most' }, (value) => {
    const nano = parseAmount(value)
    return nano === null
      ? { expected: 'dollars such as 500 or 0.25, nine decimal places at most' }
      : { value: formatUsd(nano) }
  })
}

/** `reject`, `alert`, `{degrade: {to: route}}` or `{degrade: route}`. */
export function readOnExhausted(value: unknown): OnExhausted | null {
  if (value === 'reject' || value === 'alert') return { type: value }
  if (typeof value !== 'object' || value === null || !('degrade' in value) || Object.keys(value).length !== 1)
    return null
  const { degrade } = value
  const to = typeof degrade === 'object' && degrade !== null && 'to' in degrade ? degrade.to : degrade
  return typeof to === 'string' && to !== '' ? { type: 'degrade', to } : null
}

const file: Field<BudgetFile> = section<BudgetFile>(
  { description: 'One budget.' },
  {
    scope: choice({ description: 'Whose spend it counts.' }, BUDGET_SCOPES),
    id: text({
      description:
        'Id or name of the key, team, organisation, end user, tag, route, provider or model (`gpt-5-mini`, or `openai/gpt-5-mini` for one provider’s), or id of the user. Left out, each of them has such a budget of its own.',
      kind: 'name',
      synonyms: ['name', 'subject', 'key', 'team'],
    }),
    window: text(
      {
        description: 'The time that the limit is for: of the calendar, the last so many hours or days, or all time.',
        kind: '`hour`, `day`, `week`, `month`, `once` or `rolling <duration>`',
        expected: WINDOW_WORDS,
        synonyms: ['period', 'duration', 'interval'],
      },
      undefined,
      (value) => (parseWindow(value, 'UTC') === null ? null : value),
    ),
    timeZone: text(
      {
        description: 'Where the days of a calendar window begin.',
        kind: 'time zone',
        expected: 'a time zone such as Europe/Berlin',
      },
      'UTC',
      (value) => (isTimeZone(value) ? value : null),
    ),
    limitUsd: amount('What may be spent in the window.'),
    onExhausted: {
      ...leaf<OnExhausted>(
        {
          description:
            'What happens to a request that does not fit: by default it is answered 402 (`reject`), let through (`alert`: the budget is only watched), or takes a cheaper route (`degrade: {to: <route>}`).',
          kind: '`reject`, `alert` or `degrade: {to: <route>}`',
        },
        (value) => {
          const read = readOnExhausted(value)
          return read === null ? { expected: 'reject, alert, or degrade: {to: <route>}' } : { value: read }
        },
      ),
      fallback: { type: 'reject' },
    },
    borrowUsd: amount(
      'How far it may go beyond its limit while the budget of its team, its organisation or the gateway has room.',
    ),
    alertAt: list(
      { description: 'Shares of the limit that are told of.' },
      leaf({ description: '', kind: 'share' }, (value) =>
        typeof value === 'number' && value > 0 && value <= 10 ? { value } : { expected: 'a share such as 0.8' },
      ),
      DEFAULT_ALERT_AT,
    ),
  },
  { required: ['scope', 'window', 'limitUsd'] },
)

export const budget: Field<BudgetConfig> = changed(file, (read) => ({
  scope: read.scope,
  subject: read.id ?? null,
  window: parseWindow(read.window, read.timeZone) ?? { type: 'once' },
  limitUsd: read.limitUsd,
  onExhausted: read.onExhausted,
  borrowUsd: read.borrowUsd ?? null,
  alertAt: read.alertAt,
}))
