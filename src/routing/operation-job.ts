// An answer that is not there at once: the provider makes a job of the request, which is looked at until it is done.
//
// It is one attempt, within its deadlines: each question is a call of its own with the time that is left, and a client that
// goes away ends the waiting at once.
import { broken } from '../providers/answer-stream.ts'
import type { NextCall, OperationBody } from '../providers/operation-wire.ts'

/** A bound for providers that say "not yet" without end; the deadline comes first as long as they make us wait. */
const MAX_QUESTIONS = 2_000

export type JobTools = {
  /** What is asked after the question of that number, from 1; null: the answer is there. Throws StreamFailure. */
  readonly next: (answer: OperationBody, asked: number) => NextCall | null
  readonly ask: (call: NextCall) => Promise<OperationBody>
  readonly pause: (ms: number) => Promise<void>
}

export async function jobDone(first: OperationBody, { next, ask, pause }: JobTools): Promise<OperationBody> {
  let answer = first
  for (let asked = 1; asked <= MAX_QUESTIONS; asked++) {
    const call = next(answer, asked)
    if (call === null) return answer
    if (call.waitMs > 0) await pause(call.waitMs)
    answer = await ask(call)
  }
  throw broken(`the provider was not done after ${MAX_QUESTIONS} questions`)
}
