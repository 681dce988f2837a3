// `drills:` of the file: rehearsed outages that are held from time to time.
import { parseBreaks, parseScope } from '../core/drill.ts'
import { duration, type Field, list, section, text } from './fields.ts'

export type DrillConfig = {
  readonly name: string
  readonly everyMs: number
  /** Empty: all. */
  readonly routes: readonly string[]
  /** As `weir drill --break` takes them; empty: each provider of each route is lost in turn. */
  readonly broken: readonly string[]
  readonly on: string
  readonly forMs: number
}

const SECOND = 1_000
const DAY = 86_400 * SECOND

const drill = section<DrillConfig>(
  { description: 'One drill. One runs at a time: one that is due meanwhile waits for its next turn.' },
  {
    name: text({ description: 'Its name in reports.', kind: 'name' }),
    everyMs: duration(
      { description: 'How often.', synonyms: ['schedule', 'interval'] },
      { min: 60 * SECOND, max: 366 * DAY },
      7 * DAY,
    ),
    routes: list({ description: 'Names of routes. Default: all.' }, text({ description: '', kind: 'name' }), []),
    broken: list(
      {
        description:
          'What is broken, such as `openai=429:30%,slow:5s`. Default: each provider of each route is lost in turn.',
        synonyms: ['break', 'faults'],
      },
      text({ description: '', kind: 'break', expected: 'a break such as openai=429:30%,slow:5s' }, undefined, (value) =>
        parseBreaks(value) === null ? null : value,
      ),
      [],
    ),
    on: text(
      {
        description: 'Whose requests meet the faults: `synthetic`, `shadow:5%`, `canary:1%` or `all`.',
        kind: 'scope',
        expected: 'synthetic, shadow:5%, canary:1% or all',
      },
      'synthetic',
      (value) => (parseScope(value) === null ? null : value),
    ),
    forMs: duration({ description: 'How long.' }, { min: SECOND, max: DAY }, 30 * SECOND),
  },
  { required: ['name'] },
)

export const drills: Field<readonly DrillConfig[]> = list(
  { description: 'Outages that are rehearsed from time to time.' },
  drill,
  [],
)
