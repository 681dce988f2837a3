// Which series exist. Labels come partly from callers, so their number is bounded here: whatever is sent, memory is not.
import type { Operation } from '../core/model.ts'
import { USAGE_UNITS } from '../core/usage.ts'
import { CATALOGUE } from './catalogue.ts'
import { Distribution } from './distribution.ts'

/** Label of everything that found no place in the bound, or was never seen to exist. */
export const OTHER = 'other'
/** Label of what a request never got to: no route, no provider. */
const NONE = 'none'
const MAX_LABEL_LENGTH = 160

export const STATUS_CLASSES = [NONE, '1xx', '2xx', '3xx', '4xx', '5xx'] as const

const OPERATIONS: Readonly<Record<Operation, true>> = {
  chat: true,
  completions: true,
  count_tokens: true,
  embeddings: true,
  moderations: true,
  images: true,
  audio: true,
  rerank: true,
  responses: true,
  realtime: true,
  files: true,
  batches: true,
  pass: true,
}

export type ServedLabels = {
  readonly operation: string
  readonly route: string
  readonly provider: string
  readonly model: string
}

/** What is kept for one (operation, route, provider, model). Durations are observed in ms, cost in nano-dollars. */
export type Series = {
  readonly labels: ServedLabels
  /** By index in STATUS_CLASSES. */
  readonly statuses: Float64Array
  readonly duration: Distribution
  readonly ttft: Distribution
  readonly tokenTime: Distribution
  readonly overhead: Distribution
  readonly cost: Distribution
  /** By index in USAGE_UNITS. */
  readonly usage: Float64Array
}

/** A set of names that takes new ones until it is full. */
class BoundedNames {
  readonly #names = new Set<string>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether the name has a place, or gets one now. `evidence`: whether anything says that the name is not invented. */
  admits(name: string, evidence: boolean): boolean {
    if (this.#names.has(name)) return true
    if (!evidence || name.length > MAX_LABEL_LENGTH || this.#names.size >= this.#limit) return false
    this.#names.add(name)
    return true
  }
}

/** Hands out series by their labels, in a bounded number. */
export class SeriesTable {
  /** Model → provider → route → operation: a look-up for each request, without a name put together of all four. */
  readonly #byModel = new Map<string, Map<string, Map<string, Map<string, Series>>>>()
  readonly #series: Series[] = []
  readonly #routes: BoundedNames
  readonly #models: BoundedNames
  readonly #maxSeries: number

  /** At most `maxModels` (provider, model) pairs, as many routes, and twice as many combinations of them. */
  constructor(maxModels: number) {
    this.#routes = new BoundedNames(maxModels)
    this.#models = new BoundedNames(maxModels)
    this.#maxSeries = 2 * maxModels
  }

  /** `evidence` false: the request was refused as its caller's fault, so a name first seen in it may be invented. */
  find(operation: string, route: string, provider: string | null, model: string | null, evidence: boolean): Series {
    const known = this.#known(operation, route, provider ?? NONE, model ?? NONE)
    return known ?? this.#place(operation, route, provider, model, evidence)
  }

  /** Labels of a (provider, model) pair within the bound. */
  pair(provider: string, model: string, evidence: boolean): { provider: string; model: string } {
    const admitted = this.#models.admits(`${provider}/${model}`, evidence)
    return admitted ? { provider, model } : { provider: OTHER, model: OTHER }
  }

  all(): Iterable<Series> {
    return this.#series
  }

  #place(operation: string, route: string, provider: string | null, model: string | null, evidence: boolean): Series {
    const pair =
      provider === null || model === null ? { provider: NONE, model: NONE } : this.pair(provider, model, evidence)
    let labels: ServedLabels = {
      operation: Object.hasOwn(OPERATIONS, operation) ? operation : OTHER,
      route: route === '' ? NONE : this.#routes.admits(route, evidence) ? route : OTHER,
      ...pair,
    }
    let series = this.#ofLabels(labels)
    if (series === undefined && this.#series.length >= this.#maxSeries) {
      // One overflow series for each operation; these few stand outside the bound.
      labels = { operation: labels.operation, route: OTHER, provider: OTHER, model: OTHER }
      series = this.#ofLabels(labels)
    }
    if (series !== undefined) return series
    const created = newSeries(labels)
    this.#series.push(created)
    inner(inner(inner(this.#byModel, labels.model), labels.provider), labels.route).set(labels.operation, created)
    return created
  }

  #ofLabels({ operation, route, provider, model }: ServedLabels): Series | undefined {
    return this.#known(operation, route, provider, model)
  }

  #known(operation: string, route: string, provider: string, model: string): Series | undefined {
    return this.#byModel.get(model)?.get(provider)?.get(route)?.get(operation)
  }
}

/** The map at a name; a new one where there is none. */
function inner<Value>(outer: Map<string, Map<string, Value>>, name: string): Map<string, Value> {
  let found = outer.get(name)
  if (found === undefined) outer.set(name, (found = new Map()))
  return found
}

function newSeries(labels: ServedLabels): Series {
  return {
    labels,
    statuses: new Float64Array(STATUS_CLASSES.length),
    duration: new Distribution(CATALOGUE.duration.buckets, 1000),
    ttft: new Distribution(CATALOGUE.ttft.buckets, 1000),
    tokenTime: new Distribution(CATALOGUE.tokenTime.buckets, 1000),
    overhead: new Distribution(CATALOGUE.overhead.buckets, 1000),
    cost: new Distribution(CATALOGUE.requestCost.buckets, 1e9),
    usage: new Float64Array(USAGE_UNITS.length),
  }
}
