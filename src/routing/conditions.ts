// `when` and `unless` of a target, made into one question about a request.
import type { ConditionConfig, TimeConfig } from '../config/schema-conditions.ts'
import { WEEKDAYS } from '../config/schema-conditions.ts'
import { globTest } from '../core/glob.ts'
import type { RequestFacts } from './request-facts.ts'

export type Condition = {
  /** What it asks for, in words: `team is research, unless stream is true`. */
  readonly words: string
  readonly holds: (facts: RequestFacts) => boolean
}

type Clause = { readonly words: string; readonly holds: (facts: RequestFacts) => boolean }

/** Null where nothing is asked for. */
export function compileCondition(
  when: ConditionConfig | undefined,
  unless: ConditionConfig | undefined,
): Condition | null {
  const wanted = when === undefined ? [] : clausesOf(when)
  const barred = unless === undefined ? [] : clausesOf(unless)
  if (wanted.length === 0 && barred.length === 0) return null
  const words = [
    ...(wanted.length === 0 ? [] : [wordsOf(wanted)]),
    ...(barred.length === 0 ? [] : [`unless ${wordsOf(barred)}`]),
  ].join(', ')
  return {
    words,
    holds: (facts) => allHold(wanted, facts) && (barred.length === 0 || !allHold(barred, facts)),
  }
}

function allHold(clauses: readonly Clause[], facts: RequestFacts): boolean {
  for (const clause of clauses) if (!clause.holds(facts)) return false
  return true
}

function wordsOf(clauses: readonly Clause[]): string {
  return clauses.map(({ words }) => words).join(' and ')
}

// In the order of their cost: what has to look into the request comes last.
function clausesOf(config: ConditionConfig): readonly Clause[] {
  const { stream, tools, images, json } = config
  return [
    ...named('team', config.team, ({ team }) => (team === null ? [] : [team.name, team.id])),
    ...named('key', config.key, ({ key }) => [key.name, key.id]),
    ...named('tag', config.tag, ({ tags }) => tags),
    ...named('end user', config.endUser, ({ endUser }) => optional(endUser)),
    ...named('region', config.region, ({ region }) => optional(region)),
    ...Object.entries(config.header ?? {}).flatMap(([name, globs]) =>
      named(`header ${name}`, globs, ({ headers }) => optional(headers.get(name))),
    ),
    ...Object.entries(config.metadata ?? {}).flatMap(([name, globs]) =>
      named(`metadata ${name}`, globs, ({ key, team }) => optional(key.metadata[name] ?? team?.metadata[name] ?? null)),
    ),
    ...(config.time === undefined ? [] : [timeClause(config.time)]),
    ...flagged('stream', stream, ({ call }) => call.facts.stream),
    ...flagged('tools', tools, ({ shape }) => shape().tools),
    ...flagged('images', images, ({ shape }) => shape().images),
    ...flagged('json', json, ({ shape }) => shape().json),
    ...promptClauses(config.promptTokens),
    ...named('task', config.task, ({ task }) => [task()]),
  ]
}

function optional(value: string | null): readonly string[] {
  return value === null ? [] : [value]
}

function named(
  what: string,
  globs: readonly string[] | undefined,
  valuesOf: (facts: RequestFacts) => readonly string[],
): readonly Clause[] {
  if (globs === undefined) return []
  const matches = globTest(globs)
  return [{ words: `${what} is ${globs.join(' or ')}`, holds: (facts) => valuesOf(facts).some(matches) }]
}

function flagged(
  what: string,
  wanted: boolean | undefined,
  valueOf: (facts: RequestFacts) => boolean,
): readonly Clause[] {
  return wanted === undefined ? [] : [{ words: `${what} is ${wanted}`, holds: (facts) => valueOf(facts) === wanted }]
}

function promptClauses(bounds: ConditionConfig['promptTokens']): readonly Clause[] {
  const { above, below } = bounds ?? {}
  return [
    ...(above === undefined
      ? []
      : [{ words: `prompt is above ${above} tokens`, holds: (facts: RequestFacts) => facts.inputTokens() > above }]),
    ...(below === undefined
      ? []
      : [{ words: `prompt is below ${below} tokens`, holds: (facts: RequestFacts) => facts.inputTokens() < below }]),
  ]
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440

function timeClause(time: TimeConfig): Clause {
  const { from, to, zone } = time
  const days = time.days === undefined ? null : new Set(time.days.map((day) => WEEKDAYS.indexOf(day)))
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  // Asking a calendar is slow, and the answer holds for a minute.
  let asked = { minute: -1, holds: false }
  const holdsAt = (now: number): boolean => {
    const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]))
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
    const day = WEEKDAYS.indexOf((parts.get('weekday') ?? '').toLowerCase() as (typeof WEEKDAYS)[number])
    if (from < to) return minute >= from && minute < to && (days === null || days.has(day))
    // Past midnight it is still the part that began the day before.
    const began = minute >= from ? day : minute < to ? (day + 6) % 7 : -1
    return began >= 0 && (days === null || days.has(began))
  }
  return {
    words: `time is ${clockText(from)}–${clockText(to)} ${zone}${time.days === undefined ? '' : ` on ${time.days.join(', ')}`}`,
    holds({ now }) {
      const minute = Math.floor(now / MINUTE_MS)
      if (asked.minute !== minute) asked = { minute, holds: holdsAt(now) }
      return asked.holds
    },
  }
}

function clockText(minutes: number): string {
  const minute = minutes % DAY_MINUTES === 0 ? minutes : minutes % DAY_MINUTES
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}
