// What the lab is given of a request once its answer has left and its entry is written.
//
// `stages/sample.ts` makes it, out of the way of every caller, and hands it to whoever joined (`SampleConsumer`). It holds what
// people wrote: nobody keeps it, or a part of it, beyond the call, unless the operator allowed it.
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { ChatRequest } from '../core/chat.ts'
import type { ErrorCode } from '../core/error.ts'
import type { Trial } from '../core/experiment.ts'
import type { PromptMode } from '../core/kept-prompt.ts'
import type { EntryStatus } from '../core/ledger.ts'
import type { NanoUsd } from '../core/money.ts'
import type { Attempt } from '../core/outcome.ts'
import type { Usage } from '../core/usage.ts'
import type { KeyWithTeam } from '../store/store.ts'
import type { TaskGuess } from './task.ts'

export type Answered = {
  /** Id of the request, `req_…`. */
  readonly requestId: string
  /** When the request came, ms since the epoch. */
  readonly at: number
  readonly caller: KeyWithTeam
  readonly tags: readonly string[]
  readonly endUser: string | null
  /** What the caller calls the conversation; null: it does not say. */
  readonly session: string | null
  readonly route: string
  /** Deployment that answered, or that was tried last; null: none was. */
  readonly deployment: string | null
  /** As the caller says, else guessed. */
  readonly task: TaskGuess
  /** The caller said what the task is. */
  readonly isTaskDeclared: boolean
  readonly request: ChatRequest
  /** Put together from its events where it was streamed; of a stream that broke off, what was there. */
  readonly answer: SampledAnswer
  /** Of the entry; `failed` also where nothing reached a provider. */
  readonly status: EntryStatus
  readonly errorCode: ErrorCode | null
  readonly attempts: readonly Attempt[]
  readonly usage: Usage | null
  readonly costNanoUsd: NanoUsd | null
  readonly durationMs: number
  /** Null: the answer was no stream, or nothing came. */
  readonly ttftMs: number | null
  /** What may be kept of it; `off` for a no-store request. */
  readonly promptMode: PromptMode
  /** Nothing of it may be kept, sent anywhere again, or shown, whatever else is configured. */
  readonly isNoStore: boolean
  /** What it is to an experiment; null: its route is on no trial. */
  readonly trial: Trial | null
}

export type SampledAnswer =
  | { readonly type: 'read'; readonly answer: ChatAnswer; readonly isStream: boolean; readonly isComplete: boolean }
  /** The request failed before anything of an answer came. */
  | { readonly type: 'none' }
  /** It is larger than `lab.max_answer_size`, or than what the lab may hold. */
  | { readonly type: 'too_large' }
  /** It is not in the form that its dialect has. */
  | { readonly type: 'unreadable'; readonly problem: string }

/** Whoever learns from answers. */
export type SampleConsumer = {
  readonly name: string
  /** Asked on the path of each chat request: a look into a table, and no more. */
  readonly wants: (route: string, caller: KeyWithTeam, trial: Trial | null) => boolean
  /**
   * Gets each request that it wanted, one after the other. A promise is waited for before the next: what takes long is its own to bound, and
   * no promise of this. What it throws is logged.
   */
  readonly take: (answered: Answered) => Promise<void> | void
}
