// One request's account of itself: filled in stage by stage, closed exactly once.
//
// States: open → closed. `close` is called on every way out (answer, error, disconnect, timeout, crash of a stage); the
// first call counts. It frees the reservation and the held bytes, writes the entry if an intent was written, and resolves
// when both are durable, so that the caller of the API sees the end of an answer only after the ledger has it.
import type { Call } from './core/call.ts'
import type { Clock } from './core/clock.ts'
import type { GatewayError } from './core/error.ts'
import type { Trial } from './core/experiment.ts'
import type { KeyWithTeam } from './store/store.ts'
import type { Dimensions, Entry, EntryPart, EntryStatus, Intent, Purpose, RequestRecord } from './core/ledger.ts'
import type { Rates, ServiceTier } from './core/model.ts'
import type { NanoUsd } from './core/money.ts'
import type { Attempt } from './core/outcome.ts'
import { inputTokens, NO_USAGE, outputTokens } from './core/usage.ts'
import type { Usage, UsageSource } from './core/usage.ts'
import { saleOf } from './core/user.ts'
import type { Entrance } from './handle.ts'
import type { AnswerCopy } from './lab/answer-copy.ts'
import { attemptCosts, isPlausible } from './ledger/attempt-costs.ts'
import { costOf } from './ledger/cost.ts'
import { billedTier, versionWithTier } from './ledger/billed-tier.ts'
import type { ObservedAnswers } from './ledger/observed.ts'
import type { Journal } from './ledger/journal.ts'
import type { BudgetReservation } from './limits/budgets.ts'
import type { Reservation } from './limits/limiter.ts'
import { planText } from './routing/kept-plan.ts'
import type { Plan } from './routing/plan.ts'

/** Price of one deployment's units and where it comes from; null when it has none. */
export type Pricing = { readonly rates: Rates; readonly version: string } | null

export type ExchangeTools = {
  readonly clock: Clock
  readonly journal: Journal
  readonly priceOf: (deploymentId: string, at: number) => Pricing
  /** Route → deployment that its savings are measured by. */
  readonly baselines: ReadonlyMap<string, string>
  /** Names of tasks that reports may tell apart. */
  readonly tasks: ReadonlySet<string>
  readonly observed: ObservedAnswers
  /** Told each request that ends, before anything else happens. */
  readonly onClosing: (exchange: Exchange) => void
  /** Told each closed request: metrics and the request log line. */
  readonly onClosed: (
    record: RequestRecord,
    target: Exchange['target'],
    task: string | null,
    tier: Exchange['tier'],
  ) => void
  /** An error that nobody waits for any more (the ledger refused a late entry). */
  readonly onLateError: (error: unknown) => void
}

const NO_CLEAN_UPS: readonly (() => void)[] = []

/** What was produced, at the end. */
type Produced = {
  readonly usage: Usage | null
  readonly rawUsage: string | null
  readonly finishReason: string | null
  readonly outputCharacters: number
}

export type Ending = {
  readonly status: number
  readonly error: GatewayError | null
  readonly entryStatus: EntryStatus
  readonly produced: Produced | null
}

/** What is known of it when it is booked. `own`: what the last attempt consumed, where nothing was answered; `beside`: what others did. */
type Consumption = {
  readonly usage: Usage | null
  readonly source: UsageSource
  readonly pricing: Pricing
  readonly own: EntryPart | null
  readonly beside: readonly EntryPart[] | null
  readonly now: number
}

function tokensOf(usage: Usage, parts: readonly EntryPart[] | null): number {
  const own = inputTokens(usage) + outputTokens(usage)
  return parts === null
    ? own
    : parts.reduce((sum, part) => sum + inputTokens(part.usage) + outputTokens(part.usage), own)
}

function withoutLast(parts: readonly EntryPart[] | null): readonly EntryPart[] | null {
  return parts === null || parts.length < 2 ? null : parts.slice(0, -1)
}

export class Exchange {
  readonly id: string
  readonly startedAt: number
  readonly startedMs: number
  readonly clientRequestId: string | null
  readonly attempts: Attempt[] = []
  readonly entrance: Entrance
  caller: KeyWithTeam | null = null
  call: Call | null = null
  /** As the caller wrote it, without secrets. */
  requestedModel = ''
  /** Method and path as they are logged; only of pass-through calls. */
  path: string | undefined = undefined
  route = ''
  /** The kind of work; null where nobody had to know. */
  task: string | null = null
  /** Set where the gateway asks for its own sake. */
  purpose: Purpose | undefined = undefined
  /** How it was routed; null where there was nothing to choose, and nobody wants to see it. */
  plan: Plan | null = null
  target: { readonly id: string; readonly provider: string; readonly model: string } | null = null
  reservation: Reservation | null = null
  /** Null where no budget covers the request. */
  budget: BudgetReservation | null = null
  /** The route that an exhausted budget sent the request to. */
  degradedTo: string | null = null
  intent: Intent | null = null
  ttftMs: number | null = null
  endUser: string | null = null
  tags: readonly string[] = []
  /** False where the operator lets requests through while the store is away. */
  waitsForLedger = true
  /** The service tier that it is billed in whatever it says; null: what it asked for, or was told. */
  tier: ServiceTier | null = null
  /** Set where another request's answer is given again: nothing is asked of a provider, and this is what it saves. */
  recalled: { readonly target: string; readonly savedNanoUsd: NanoUsd } | null = null
  /** What it is to an experiment; null, as mostly: its route is on no trial. */
  trial: Trial | null = null
  /** The deployment whose place another one takes by an experiment; null, as mostly: none. */
  replaced: string | null = null
  /** Where its answer is copied to for the lab; null, as mostly: nowhere. */
  answerCopy: AnswerCopy | null = null
  /** How it ended; null while open. */
  ending: Ending | null = null
  /** Of the body and what was read for it; given back at the end. */
  heldBytes = 0
  /** Cost of the closed request; null while open, or when nothing reached a provider. */
  costNanoUsd: NanoUsd | null = null
  /** What its user was charged for it; null while open, and where the key is no user's. */
  chargedNanoUsd: NanoUsd | null = null
  #closed: Promise<void> | null = null
  #cleanUps: (() => void)[] | null = null
  readonly #tools: ExchangeTools

  constructor(
    facts: { readonly id: string; readonly clientRequestId: string | null; readonly entrance: Entrance },
    tools: ExchangeTools,
  ) {
    this.id = facts.id
    this.clientRequestId = facts.clientRequestId
    this.entrance = facts.entrance
    this.startedAt = tools.clock.now()
    this.startedMs = tools.clock.monotonicMs()
    this.#tools = tools
  }

  get isClosed(): boolean {
    return this.#closed !== null
  }

  get dimensions(): Dimensions {
    return {
      keyId: this.caller?.key.id ?? '',
      teamId: this.caller?.key.teamId ?? null,
      endUser: this.endUser,
      tags: this.tags,
      requestedModel: this.requestedModel,
      route: this.route,
      operation: this.entrance.dialect.operation,
      dialect: this.entrance.dialect.id,
      organisation: this.caller?.team?.organisation ?? undefined,
      // A name that a caller makes up would be a row of its own in every report.
      task: this.task !== null && this.#tools.tasks.has(this.task) ? this.task : undefined,
      purpose: this.purpose,
    }
  }

  /** Done at the end, in order. */
  whenClosing(cleanUp: () => void): void {
    ;(this.#cleanUps ??= []).push(cleanUp)
  }

  /** Ends the request; resolves once its entry and its log line are durable. */
  close(ending: Ending): Promise<void> {
    if (this.#closed === null)
      try {
        this.#closed = this.#close(ending)
      } catch (error) {
        // Closed all the same: whoever tried again would free everything twice.
        this.#closed = Promise.reject(error)
      }
    return this.#closed
  }

  /** `close` for ways out on which nobody waits. */
  closeLate(ending: Ending): void {
    this.close(ending).catch(this.#tools.onLateError)
  }

  #close(ending: Ending): Promise<void> {
    const { clock, journal, priceOf, onClosed } = this.#tools
    this.ending = ending
    this.#tools.onClosing(this)
    for (const cleanUp of this.#cleanUps ?? NO_CLEAN_UPS) cleanUp()
    const now = clock.now()
    const parts = attemptCosts(this.attempts, priceOf, { at: now, tier: this.tier ?? 'standard' })
    const own = this.#ownOf(parts, ending)
    const beside = own === null ? parts : withoutLast(parts)
    const { usage, source } = this.#usageOf(ending, own)
    if (usage === null) this.reservation?.release()
    else this.reservation?.settle(tokensOf(usage, beside))
    const pricing = this.target === null || usage === null ? null : priceOf(this.target.id, now)
    const entry = this.#charged(this.#sold(this.#entryOf(ending, { usage, source, pricing, own, beside, now })))
    const record = this.#recordOf(ending, usage, source)
    const durable = this.caller === null ? Promise.resolve() : journal.settle(entry, record)
    onClosed(record, this.target, this.task, this.tier)
    if (this.waitsForLedger) return durable
    durable.catch(this.#tools.onLateError)
    return Promise.resolve()
  }

  /** Where nothing was answered, the entry is that of the last attempt that consumed something; null: nothing was, or all of it is beside. */
  #ownOf(parts: readonly EntryPart[] | null, { produced }: Ending): EntryPart | null {
    if (produced !== null) return null
    const own = parts?.at(-1) ?? null
    if (own !== null) this.target = { id: `${own.provider}/${own.model}`, provider: own.provider, model: own.model }
    return own
  }

  // Reported numbers win where they can be true; what a provider produced without telling is counted from its text; a request of which no
  // target produced anything used nothing.
  #usageOf(ending: Ending, own: EntryPart | null): { usage: Usage | null; source: UsageSource } {
    if (this.intent === null) return { usage: null, source: 'estimated' }
    const produced = ending.produced
    if (produced === null)
      return own === null ? { usage: NO_USAGE, source: 'reported' } : { usage: own.usage, source: 'estimated' }
    const { observed } = this.#tools
    const output = observed.tokensOf(this.target?.id ?? '', produced.outputCharacters)
    if (produced.usage !== null && isPlausible(produced.usage)) {
      // Some count as they go (Anthropic tells an output of 1 at the start): of an answer that broke off before it said why
      // it ended, the numbers are those of some moment before.
      const missing = output - outputTokens(produced.usage)
      if (ending.entryStatus === 'complete' || produced.finishReason !== null || missing <= 0) {
        if (ending.entryStatus === 'complete' && this.target !== null)
          observed.seen(this.target.id, produced.usage, produced.outputCharacters)
        return { usage: produced.usage, source: 'reported' }
      }
      return { usage: { ...produced.usage, output: produced.usage.output + missing }, source: 'estimated' }
    }
    return {
      usage: { ...this.intent.estimateUsage, output },
      source: 'estimated',
    }
  }

  #entryOf(ending: Ending, { usage, source, pricing, own, beside, now }: Consumption): Entry | null {
    if (this.recalled !== null) return this.#entryOfRecalled(this.recalled, now)
    if (this.intent === null || usage === null) return null
    const tier = pricing === null ? 'standard' : this.#tierOf(pricing, ending)
    const ownCost =
      own?.costNanoUsd ?? (pricing === null || ending.produced === null ? 0n : costOf(usage, pricing.rates, tier))
    const costNanoUsd = beside === null ? ownCost : beside.reduce((sum, part) => sum + part.costNanoUsd, ownCost)
    this.costNanoUsd = costNanoUsd
    return {
      id: this.id,
      at: now,
      dimensions: this.intent.dimensions,
      provider: this.target?.provider ?? this.intent.provider,
      model: this.target?.model ?? this.intent.model,
      status: ending.entryStatus,
      usage,
      usageSource: source,
      costNanoUsd,
      unpriced: pricing === null && this.target !== null,
      priceVersion: own?.priceVersion ?? (pricing === null ? '' : versionWithTier(pricing.version, tier)),
      savedNanoUsd: this.#savedOf(usage, { costNanoUsd, pricing, tier, isAlone: beside === null }, now),
      parts: beside ?? undefined,
    }
  }

  /** Undefined: the route leaves nothing to choose, or there is nothing to compare. */
  #savedOf(
    usage: Usage,
    cost: {
      readonly costNanoUsd: NanoUsd
      readonly pricing: Pricing
      readonly tier: ServiceTier
      readonly isAlone: boolean
    },
    now: number,
  ): NanoUsd | undefined {
    // What the lab costs counts against what it helps to save.
    if (this.purpose === 'lab') return -cost.costNanoUsd
    const baseline = this.#tools.baselines.get(this.route) ?? this.replaced
    if (baseline === null || this.ending?.produced === null || cost.pricing === null) return undefined
    if (baseline === this.target?.id && cost.isAlone) return 0n
    const pricing = this.#tools.priceOf(baseline, now)
    return pricing === null ? undefined : costOf(usage, pricing.rates, cost.tier) - cost.costNanoUsd
  }

  #entryOfRecalled({ target, savedNanoUsd }: NonNullable<Exchange['recalled']>, now: number): Entry {
    this.costNanoUsd = 0n
    return {
      id: this.id,
      at: now,
      dimensions: this.dimensions,
      provider: 'cache',
      model: target,
      status: 'cached',
      usage: NO_USAGE,
      usageSource: 'reported',
      costNanoUsd: 0n,
      unpriced: false,
      priceVersion: '',
      savedNanoUsd,
    }
  }

  /** Only rates that differ by service tier make it a question. */
  #tierOf({ rates }: NonNullable<Pricing>, { produced }: Ending): ServiceTier {
    if (this.tier !== null) return this.tier
    if (rates.serviceTiers === undefined) return 'standard'
    return billedTier(this.call?.body['service_tier'], produced?.rawUsage ?? null)
  }

  #sold(entry: Entry | null): Entry | null {
    const owner = this.caller?.owner
    if (owner === undefined || entry === null) return entry
    const sale = saleOf(owner, entry.costNanoUsd)
    this.chargedNanoUsd = sale.chargedNanoUsd
    return { ...entry, sale }
  }

  /** What the request cost takes the place of what was held for it. */
  #charged(entry: Entry | null): Entry | null {
    if (this.budget === null) return entry
    if (entry === null) {
      this.budget.release()
      return null
    }
    const charges = this.budget.settle(entry.costNanoUsd, entry.provider, entry.model, entry.parts)
    return charges.length === 0 ? entry : { ...entry, charges }
  }

  #recordOf(ending: Ending, usage: Usage | null, source: UsageSource): RequestRecord {
    const durationMs = this.#tools.clock.monotonicMs() - this.startedMs
    let providerMs = 0
    for (const attempt of this.attempts) providerMs += attempt.durationMs
    return {
      id: this.id,
      clientRequestId: this.clientRequestId,
      at: this.startedAt,
      dimensions: this.intent?.dimensions ?? this.dimensions,
      status: ending.status,
      errorCode: ending.error?.code ?? null,
      target: this.target?.id ?? null,
      path: this.path,
      stream: this.call?.facts.stream ?? false,
      durationMs,
      ttftMs: this.ttftMs,
      overheadMs: Math.max(0, durationMs - providerMs),
      attempts: this.attempts,
      finishReason: ending.produced?.finishReason ?? null,
      rawUsage: ending.produced?.rawUsage ?? null,
      usage,
      usageSource: usage === null ? null : source,
      costNanoUsd: this.costNanoUsd,
      savedNanoUsd: this.recalled?.savedNanoUsd,
      plan: this.plan === null ? undefined : planText(this.plan),
    }
  }
}
