// What is written down: an intent before a request leaves, an entry when it is settled, a record for the request log.
import type { BudgetCharge, BudgetHold } from './budget.ts'
import type { NanoUsd } from './money.ts'
import type { Attempt } from './outcome.ts'
import type { Usage, UsageSource } from './usage.ts'
import type { Sale } from './user.ts'

/** Who and what a request belongs to: the dimensions of every report. */
export type Dimensions = {
  readonly keyId: string
  readonly teamId: string | null
  readonly endUser: string | null
  readonly tags: readonly string[]
  /** Model name as the caller wrote it. */
  readonly requestedModel: string
  readonly route: string
  readonly operation: string
  readonly dialect: string
  /** Name of the organisation of the key's team; absent: there is none. */
  readonly organisation?: string | undefined
  /** The kind of work, where somebody had to know it. */
  readonly task?: string | undefined
  /** What the gateway asks for its own sake; absent: a caller's request. */
  readonly purpose?: Purpose | undefined
}

/** `lab`: to know how good answers are (shadows, judges); what it costs counts against what it helps to save. */
export type Purpose = 'lab'

/** Written before the first byte leaves for a provider; a crash leaves it behind, and recovery settles it. */
export type Intent = {
  readonly id: string
  readonly createdAt: number
  /** After this moment nobody is working on it any more. */
  readonly deadlineAt: number
  readonly dimensions: Dimensions
  /** The first target of the plan: what recovery books the estimate on. */
  readonly provider: string
  readonly model: string
  readonly estimateNanoUsd: NanoUsd
  readonly estimateUsage: Usage
  readonly priceVersion: string
  /** What is held of budgets until it is settled; absent where no budget covers the request. */
  readonly holds?: readonly BudgetHold[] | undefined
}

export type EntryStatus =
  /** The answer was complete. */
  | 'complete'
  /** The client went away or a deadline struck; what was produced is charged. */
  | 'aborted'
  /** A provider was reached and no answer came of it. */
  | 'failed'
  /** The process died in between; charged at the estimate. */
  | 'recovered'
  /** No request: what an earlier entry cost too much (below zero) or too little, by a price that was corrected. */
  | 'adjusted'
  /** Nothing was asked of a provider: another request's answer was given again. */
  | 'cached'

/** Exactly one for each request that reached a provider, or that another one's answer kept from it; never edited. Corrections are entries of their own. */
export type Entry = {
  readonly id: string
  readonly at: number
  readonly dimensions: Dimensions
  readonly provider: string
  readonly model: string
  readonly status: EntryStatus
  readonly usage: Usage
  readonly usageSource: UsageSource
  readonly costNanoUsd: NanoUsd
  /** True when no price was known: the cost is then 0 and says nothing. */
  readonly unpriced: boolean
  readonly priceVersion: string
  /** What a user was charged for it; absent where the key is nobody’s. */
  readonly sale?: Sale
  /** What the same usage would have cost at the route's baseline, less what it cost; absent: there was nothing to compare with. */
  readonly savedNanoUsd?: NanoUsd | undefined
  /** What attempts at other targets cost; they are in its cost and not in its usage. */
  readonly parts?: readonly EntryPart[] | undefined
  /** Periods of budgets that it counts in; absent where there are none. Written with it, and not read back with it. */
  readonly charges?: readonly BudgetCharge[]
}

/** What one attempt consumed that gave no answer, or a part of one that another target went on with. */
export type EntryPart = {
  readonly provider: string
  readonly model: string
  readonly usage: Usage
  readonly costNanoUsd: NanoUsd
  readonly unpriced: boolean
  readonly priceVersion: string
}

/** One line of the request log: also for requests that never left for a provider. */
export type RequestRecord = {
  readonly id: string
  /** The caller's own id, as sent in `x-request-id`; echoed, never used as ours. */
  readonly clientRequestId: string | null
  readonly at: number
  readonly dimensions: Dimensions
  /** Status that the caller saw. */
  readonly status: number
  /** Code of the error table; null on success. */
  readonly errorCode: string | null
  readonly target: string | null
  /** Method and path, where the model does not say what was called: of pass-through calls. */
  readonly path?: string | undefined
  readonly stream: boolean
  readonly durationMs: number
  /** Time to the first token, null when none came. */
  readonly ttftMs: number | null
  /** The gateway's own time: the duration without the providers' share. */
  readonly overheadMs: number
  readonly attempts: readonly Attempt[]
  readonly finishReason: string | null
  /** Usage as the provider wrote it, JSON text; null when it gave none. */
  readonly rawUsage: string | null
  /** Set where the request reached a provider: the same as in its entry. */
  readonly usage: Usage | null
  readonly usageSource: UsageSource | null
  readonly costNanoUsd: NanoUsd | null
  /** What it would have cost again, where another request's answer was given; absent: a provider was asked, or nobody. */
  readonly savedNanoUsd?: NanoUsd | undefined
  /** How it was routed, JSON text of `routing/explain.ts`; absent where there was nothing to choose. */
  readonly plan?: string | undefined
}

/** One group commit: all of it or nothing. */
export type LedgerBatch = {
  readonly intents: readonly Intent[]
  readonly entries: readonly Entry[]
  readonly records: readonly RequestRecord[]
}
