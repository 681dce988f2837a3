// The file of `weir plan` and `weir apply`: the teams, keys and budgets that there are to be. Parsed values as types, then fields.
import { type BudgetConfig, budget } from '../config/schema-budgets.ts'
import { choice, type Field, flag, leaf, list, map, orNone, section, text } from '../config/fields.ts'
import { limitSet } from '../config/schema-shared.ts'
import { parseCidr } from '../config/values.ts'
import { type LimitSet, OPTION_NAMES } from '../core/key.ts'
import { ENDPOINT_FAMILIES } from '../keys/permit.ts'

export type DeclaredTeam = {
  readonly organisation: string | null
  readonly models: readonly string[] | null
  readonly limits: LimitSet
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly disabled: boolean
}

export type DeclaredKey = {
  /** Name of its team. */
  readonly team: string | null
  readonly models: readonly string[] | null
  readonly endpoints: readonly string[] | null
  readonly addresses: readonly string[] | null
  readonly limits: LimitSet
  readonly tags: readonly string[]
  readonly forbids: readonly string[]
  readonly requireEndUser: boolean
  readonly metadata: Readonly<Record<string, string>>
  readonly disabled: boolean
  /** ms since the epoch. */
  readonly expiresAt: number | null
  /** Absent: one is made when the key is, and never looked at again. */
  readonly secret?: string
}

/** By name. A section that is absent is nobody's business here: what the store has of it stays. */
export type Declared = {
  readonly teams?: Readonly<Record<string, DeclaredTeam>>
  readonly keys?: Readonly<Record<string, DeclaredKey>>
  readonly budgets?: readonly BudgetConfig[]
}

const word = (kind: string) =>
  text({ description: '', kind, expected: `${kind} of 1 to 256 characters` }, undefined, (value) =>
    value.length >= 1 && value.length <= 256 ? value : null,
  )

/** Null, like nothing at all, allows everything. */
function allowList(description: string, item: Field<string>): Field<readonly string[] | null> {
  return orNone(list({ description }, item))
}

const models = (whose: string) =>
  allowList(`Globs over model and route names that ${whose} may use. Left out: all.`, word('glob'))
const tags = list({ description: 'Tags that its requests are reported under.' }, word('tag'), [])
const metadata = map(
  { description: 'Notes of your own.' },
  '<name>',
  text({ description: '', kind: 'text' }, undefined, (value) => value),
  {},
)
const disabled = flag({ description: 'Whether it is switched off.' }, false)

const team: Field<DeclaredTeam> = section<DeclaredTeam>(
  { description: 'One team.' },
  {
    organisation: orNone(text({ description: 'Name of the organisation that it belongs to.', kind: 'name' })),
    models: models('its keys'),
    limits: limitSet('all its keys together'),
    tags,
    metadata,
    disabled,
  },
  { optional: true },
)

const moment = leaf<number>(
  { description: 'When it stops working. Left out: never.', kind: 'day or time' },
  (value) => {
    const written = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(value)
    const at = written ? Date.parse(value) : Number.NaN
    return Number.isNaN(at) ? { expected: 'a day such as 2027-01-31, or a time with its zone' } : { value: at }
  },
)

const key: Field<DeclaredKey> = section<DeclaredKey>(
  { description: 'One virtual key.' },
  {
    team: orNone(text({ description: 'Name of the team that it belongs to.', kind: 'name' })),
    models: models('it'),
    endpoints: allowList('Endpoints that it may use. Left out: all.', choice({ description: '' }, ENDPOINT_FAMILIES)),
    addresses: allowList(
      'Addresses or CIDR blocks that it may be used from. Left out: all.',
      text(
        { description: '', kind: 'CIDR block', expected: 'an address or a CIDR block such as 10.0.0.0/8' },
        undefined,
        parseCidr,
      ),
    ),
    limits: limitSet('this key'),
    tags,
    forbids: list(
      { description: 'Options that its requests may not have.' },
      choice({ description: '' }, OPTION_NAMES),
      [],
    ),
    requireEndUser: flag({ description: 'Whether each request must name its end user.' }, false),
    metadata,
    disabled,
    expiresAt: orNone(moment),
    secret: text({
      description:
        'Its secret: `"${NAME}"` or `"file:/path"`, at least 20 characters. Left out, one is made with the key, and `weir apply --secrets` writes it to a file.',
      kind: 'secret',
      secret: true,
    }),
  },
  { optional: true },
)

export const DECLARED: Field<Declared> = section<Declared>(
  { description: 'Teams, keys and budgets.' },
  {
    teams: map({ description: 'Teams by name.' }, '<team>', team),
    keys: map({ description: 'Keys by name.' }, '<key>', key),
    budgets: list({ description: 'Budgets, as `budgets` of the configuration.' }, budget),
  },
)
