// The simulated models: what they take, cost and how they fail. Options override the built-in table and are checked here.
import { parseUsd } from '../../core/money.ts'
import { FAULTS, type Fault } from './faults.ts'
import type { Spread } from './random.ts'

/** What a model can do: answer, think before it answers, turn text into vectors, and so on. */
const KINDS = ['chat', 'reasoner', 'embedding', 'image', 'speech', 'transcription', 'moderation', 'rerank'] as const
export type SimulatedKind = (typeof KINDS)[number]

/** Units that a price may be set for. */
const PRICED = ['input', 'output', 'audioIn', 'audioOut', 'images', 'characters', 'seconds', 'searches'] as const

export type SimulatedModel = {
  readonly kind: SimulatedKind
  /** Time to the first token, lognormal. */
  readonly ttftMs: Spread
  readonly tokensPerSecond: number
  /** Length of an answer where the request does not bound it, lognormal. */
  readonly outputTokens: Spread
  /** Tokens that prompt and answer may have together. */
  readonly context: number
  /** Dollars per million units, decimal. */
  readonly price: { readonly [unit in (typeof PRICED)[number]]?: string }
  /** Share of requests that end in a 500 or a 503, one as likely as the other. */
  readonly errorShare: number
  /** At most `rpm` requests in any 60 s; the others get a 429 that names `retryAfterS`. Null: no limit. */
  readonly rateLimit: { readonly rpm: number; readonly retryAfterS: number } | null
  /** Share of requests that meet each fault, beside `errorShare`. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>
}

/** A wrong value in the `models` option; `path` leads to it, e.g. `models.small.ttftMs.median`. */
export class SimulatorOptionError extends Error {
  readonly path: string

  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`)
    this.name = 'SimulatorOptionError'
    this.path = path
  }
}

const SMALL: SimulatedModel = {
  kind: 'chat',
  ttftMs: { median: 180, p99: 900 },
  tokensPerSecond: 120,
  outputTokens: { median: 120, p99: 600 },
  context: 128_000,
  price: { input: '0.15', output: '0.6' },
  errorShare: 0,
  rateLimit: null,
  faults: {},
}

const BUILT_IN: Readonly<Record<string, SimulatedModel>> = {
  small: SMALL,
  large: {
    ...SMALL,
    ttftMs: { median: 450, p99: 2500 },
    tokensPerSecond: 60,
    outputTokens: { median: 240, p99: 1400 },
    context: 200_000,
    price: { input: '2.5', output: '10' },
  },
  reasoner: {
    ...SMALL,
    kind: 'reasoner',
    ttftMs: { median: 700, p99: 4000 },
    tokensPerSecond: 90,
    outputTokens: { median: 200, p99: 1200 },
    context: 200_000,
    price: { input: '1.1', output: '4.4' },
  },
  embed: {
    ...SMALL,
    kind: 'embedding',
    ttftMs: { median: 40, p99: 200 },
    context: 8192,
    price: { input: '0.02', output: '0' },
  },
  draw: { ...SMALL, kind: 'image', ttftMs: { median: 2500, p99: 9000 }, price: { images: '40000' } },
  speak: { ...SMALL, kind: 'speech', ttftMs: { median: 250, p99: 900 }, price: { characters: '15' } },
  hear: { ...SMALL, kind: 'transcription', ttftMs: { median: 400, p99: 1500 }, price: { seconds: '100' } },
  moderate: { ...SMALL, kind: 'moderation', ttftMs: { median: 60, p99: 250 }, price: { input: '0', output: '0' } },
  talk: {
    ...SMALL,
    outputTokens: { median: 40, p99: 120 },
    price: { input: '4', output: '16', audioIn: '32', audioOut: '64' },
  },
  rank: { ...SMALL, kind: 'rerank', ttftMs: { median: 60, p99: 250 }, price: { searches: '2000' } },
  flaky: {
    ...SMALL,
    errorShare: 0.1,
    faults: { rate_limited: 0.06, error_after_first_event: 0.03, cut: 0.03, error_in_200: 0.02, stall_midstream: 0.01 },
  },
  slow: { ...SMALL, ttftMs: { median: 4000, p99: 20_000 }, tokensPerSecond: 12 },
}

/** What is wrong with a value, and where inside it; null: nothing is. */
type Check = (value: unknown) => { readonly path: readonly string[]; readonly problem: string } | null

function check(expected: string, holds: (value: unknown) => boolean): Check {
  return (value) => (holds(value) ? null : { path: [], problem: `expected ${expected}` })
}

function number(bounds: string, holds: (value: number) => boolean): Check {
  return check(`number ${bounds}`, (value) => typeof value === 'number' && Number.isFinite(value) && holds(value))
}

const positive = number('>0', (value) => value > 0)
const positiveInteger = check('int >0', (value) => Number.isSafeInteger(value) && (value as number) > 0)
const share = number('>=0 and <=1', (value) => value >= 0 && value <= 1)
const price = check(
  'dollars per million tokens, e.g. "0.15"',
  (value) => (typeof value === 'string' || typeof value === 'number') && (parseUsd(value, 12) ?? -1n) >= 0n,
)

/** An object with no fields but these; `required` ones must be there. */
function object(fields: Readonly<Record<string, Check>>, required: readonly string[] = []): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { path: [], problem: 'expected object' }
    for (const [name, checkField] of Object.entries(fields)) {
      const given = (value as Readonly<Record<string, unknown>>)[name]
      const wrong = given === undefined && !required.includes(name) ? null : checkField(given)
      if (wrong !== null) return { path: [name, ...wrong.path], problem: wrong.problem }
    }
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(fields, name))
    return unknown === undefined ? null : { path: [], problem: `there is no field \`${unknown}\`` }
  }
}

/** The first of them that has something to say. */
function all(...checks: readonly Check[]): Check {
  return (value) => {
    for (const one of checks) {
      const wrong = one(value)
      if (wrong !== null) return wrong
    }
    return null
  }
}

const spread = all(object({ median: positive, p99: positive }, ['median', 'p99']), (value) => {
  const { median, p99 } = value as Spread
  return p99 >= median ? null : { path: ['p99'], problem: 'must not be below the median' }
})

const OVERRIDE = object({
  kind: check(`one of ${KINDS.join(', ')}`, (value) => KINDS.some((kind) => kind === value)),
  ttftMs: spread,
  tokensPerSecond: positive,
  outputTokens: spread,
  context: positiveInteger,
  price: all(
    object(Object.fromEntries(PRICED.map((unit) => [unit, price]))),
    check('the price of a unit', (units) => Object.keys(units as object).length > 0),
    // Half a price would make the other half free.
    check('both input and output', (units) => 'input' in (units as object) === 'output' in (units as object)),
  ),
  errorShare: share,
  rateLimit: (value) => (value === null ? null : RATE_LIMIT(value)),
  faults: object(Object.fromEntries(FAULTS.map((fault) => [fault, share]))),
})

const RATE_LIMIT = object({ rpm: positiveInteger, retryAfterS: number('>=0', (value) => value >= 0) }, [
  'rpm',
  'retryAfterS',
])

/**
 * The built-in models with the overrides of `options` over them; an id that is not built in starts from `small`.
 * Fields may be written in camelCase or, as in YAML, in snake_case (`ttft_ms`). Throws `SimulatorOptionError`.
 */
export function simulatedModels(options: Readonly<Record<string, unknown>>): Record<string, SimulatedModel> {
  const models: Record<string, SimulatedModel> = { ...BUILT_IN }
  for (const [id, written] of Object.entries(options)) {
    const path = `models.${id}`
    const fields = camelFields(written, path)
    const wrong = OVERRIDE(fields)
    if (wrong !== null)
      throw new SimulatorOptionError([path, ...asWritten(written, wrong.path)].join('.'), wrong.problem)
    const model: SimulatedModel = { ...(BUILT_IN[id] ?? SMALL), ...givenOf(fields as GivenFields) }
    const sum = Object.values(model.faults).reduce((total, value) => total + value, model.errorShare)
    // Shares are decimal fractions: a sum of exactly one may come out a hair above it.
    if (sum > 1 + 1e-9)
      throw new SimulatorOptionError(`${path}.faults`, `the shares and errorShare add up to ${sum}, above 1`)
    models[id] = model
  }
  return models
}

type GivenFields = Partial<Omit<SimulatedModel, 'price'>> & {
  readonly price?: Readonly<Record<string, string | number>>
}

function givenOf({ price, ...given }: GivenFields): Partial<SimulatedModel> {
  if (price === undefined) return given
  return {
    ...given,
    price: Object.fromEntries(Object.entries(price).map(([unit, dollars]) => [unit, String(dollars)])),
  }
}

// Keys of `faults` are names, not fields: they stay as they are.
function camelFields(value: unknown, path: string, inside = ''): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || inside === 'faults') return value
  const fields: Record<string, unknown> = {}
  for (const [name, child] of Object.entries(value)) {
    const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (Object.hasOwn(fields, camel)) throw new SimulatorOptionError(`${path}.${name}`, `is the same field as ${camel}`)
    fields[camel] = camelFields(child, `${path}.${name}`, camel)
  }
  return fields
}

// The path in the spelling that the operator used, so that it can be found in the file.
function asWritten(value: unknown, path: readonly string[]): string[] {
  let at = value
  return path.map((name) => {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const record = (at !== null && typeof at === 'object' ? at : {}) as Readonly<Record<string, unknown>>
    const written = Object.hasOwn(record, snake) ? snake : name
    at = record[written]
    return written
  })
}
