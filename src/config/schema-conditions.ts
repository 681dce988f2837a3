// `when` and `unless` of a target: which requests it serves.
import { flag, integer, leaf, list, map, section, text, withShorthand, type Field } from './fields.ts'

/** All that is stated must hold. In a list one must match; `*` and `?` are wildcards. */
export type ConditionConfig = {
  readonly team?: readonly string[]
  readonly key?: readonly string[]
  readonly tag?: readonly string[]
  readonly endUser?: readonly string[]
  readonly region?: readonly string[]
  readonly task?: readonly string[]
  readonly header?: Readonly<Record<string, readonly string[]>>
  readonly metadata?: Readonly<Record<string, readonly string[]>>
  readonly promptTokens?: { readonly above?: number; readonly below?: number }
  readonly time?: TimeConfig
  readonly stream?: boolean
  readonly tools?: boolean
  readonly images?: boolean
  readonly json?: boolean
}

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** A part of the day, which may go past midnight. */
export type TimeConfig = {
  /** Minutes since midnight. */
  readonly from: number
  readonly to: number
  readonly days?: readonly (typeof WEEKDAYS)[number][]
  /** IANA name. */
  readonly zone: string
}

function words(description: string): Field<readonly string[]> {
  const several = list(
    { description },
    text({ description: '', kind: 'text', expected: 'text of 1 to 200 characters' }, undefined, (value) =>
      value.length >= 1 && value.length <= 200 ? value : null,
    ),
  )
  return withShorthand(several, 'text or list of texts', (value) => (typeof value === 'string' ? [value] : value))
}

function minutes(description: string, fallback: string): Field<number> {
  const field = leaf({ description, kind: 'time of day' }, readMinutes)
  return { ...field, doc: { ...field.doc, fallback }, fallback: minutesOf(fallback) }
}

function readMinutes(value: unknown): { value: number } | { expected: string } {
  const read = typeof value === 'string' ? minutesOf(value) : Number.NaN
  return read <= 1_440 ? { value: read } : { expected: 'a time of day such as "08:30", in quotes' }
}

function minutesOf(text: string): number {
  const match = /^([01]?\d|2[0-4]):([0-5]\d)$/.exec(text)
  return match === null ? Number.NaN : Number(match[1]) * 60 + Number(match[2])
}

const time = section<TimeConfig>(
  { description: 'Part of the day.' },
  {
    from: minutes('From this time on.', '00:00'),
    to: minutes('Before this time; earlier than `from`: on the next day.', '24:00'),
    days: list(
      { description: 'Days on which the part begins: `mon` … `sun`. Default: all.' },
      leaf({ description: '', kind: 'weekday' }, (value) => {
        const day = WEEKDAYS.find((one) => one === value)
        return day === undefined ? { expected: `one of ${WEEKDAYS.join(', ')}` } : { value: day }
      }),
    ),
    zone: text(
      { description: 'Time zone, such as `Europe/Berlin`.', kind: 'time zone', expected: 'a time zone such as UTC' },
      'UTC',
      (value) => (isTimeZone(value) ? value : null),
    ),
  },
  { optional: true },
)

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

const TOKENS = { min: 0, max: 1_000_000_000 }

export const condition: Field<ConditionConfig> = section<ConditionConfig>(
  { description: 'The target serves only requests for which all of this holds.' },
  {
    team: words('Names or ids of teams.'),
    key: words('Names or ids of keys.'),
    tag: words('Tags of the request, its key or its team.'),
    endUser: words('End users.'),
    region: words('Regions that the request asks for (`x-weir-region`, or `region` in the metadata of its key).'),
    task: words('Tasks, such as `code`.'),
    header: map({ description: 'Headers of the request.' }, '<header>', words('')),
    metadata: map({ description: 'Metadata of the key, or of its team.' }, '<name>', words('')),
    promptTokens: section<NonNullable<ConditionConfig['promptTokens']>>(
      { description: 'Length of the request in tokens, as an estimate.' },
      {
        above: integer({ description: 'More than this.' }, TOKENS),
        below: integer({ description: 'Fewer than this.' }, TOKENS),
      },
      { optional: true },
    ),
    time,
    stream: flag({ description: 'Whether a stream is asked for.' }),
    tools: flag({ description: 'Whether the request has tools.' }),
    images: flag({ description: 'Whether the request has images.' }),
    json: flag({ description: 'Whether JSON is asked for.' }),
  },
  { optional: true },
)

/** The same fields for the opposite. */
export const exception: Field<ConditionConfig> = {
  ...condition,
  doc: {
    ...condition.doc,
    description: 'The target does not serve requests for which all of this holds. The fields of `when`.',
  },
}
