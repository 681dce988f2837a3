// Tries the targets of a plan until one answers.
//
// Whatever goes wrong before an answer is committed (a whole answer that was read and understood, or a stream's first
// meaningful event) moves on to the next target; the caller sees it only if no target is left. What is wrong with the
// request itself goes back at once: no other target would differ. All of it happens within the request's one deadline, and
// ends at once when the client goes away: nothing is tried for somebody who is gone.
import { promised, tell } from '../core/waiting.ts'
import type { Waiting } from '../core/waiting.ts'
import { countedAnswer } from './attempt-answer.ts'
import { Course } from './attempt-course.ts'
import type { Failed, Step, TryStep } from './attempt-course.ts'
import type { Answer, AttemptRun, AttemptTools, StreamAnswer } from './attempt-run.ts'
import { beginTry, clientClosed, discard, tryTarget } from './attempt-try.ts'
import type { Tried } from './attempt-try.ts'
import { continued } from './continued.ts'
import { hedgeDelayMs, tryHedged } from './hedge.ts'
import type { Ticket } from './health.ts'
import { pause } from './pause.ts'

/** Rejects with `upstream_rejected`, `all_targets_…`, `unsupported` or `client_closed`. */
export function attempt(run: AttemptRun, tools: AttemptTools): Promise<Answer> {
  const first = firstAnswer(run, tools)
  // Only there a transcript is kept.
  return run.plan.policy.midstream === 'continue' ? first.then((answer) => goingOn(run, answer, tools)) : first
}

function goingOn(run: AttemptRun, answer: Answer, tools: AttemptTools): Answer {
  const transcript = answer.type === 'whole' ? null : (answer.transcript ?? null)
  if (answer.type === 'whole' || transcript === null) return answer
  return continued(run, answer, transcript, (rest) => restOfAnswer(rest, tools), tools)
}

async function restOfAnswer(run: AttemptRun, tools: AttemptTools): Promise<StreamAnswer> {
  const rest = await firstAnswer(run, tools)
  if (rest.type === 'whole') throw new Error('a stream was asked for')
  return rest
}

function firstAnswer(run: AttemptRun, tools: AttemptTools): Promise<Answer> {
  return promised((waiting) => new Pursuit(run, tools, waiting).begin())
}

/**
 * An answer being pursued. Nearly always the first step is a try that may begin at once, and that brings the answer: then nothing
 * is awaited on the way. Whatever else happens is followed step by step.
 */
class Pursuit implements Waiting<Tried> {
  readonly #run: AttemptRun
  readonly #tools: AttemptTools
  readonly #waiting: Waiting<Answer>
  readonly #course: Course
  /** What is tried first. */
  #first: TryStep | null = null
  #unfit: Answered | null = null

  constructor(run: AttemptRun, tools: AttemptTools, waiting: Waiting<Answer>) {
    this.#run = run
    this.#tools = tools
    this.#waiting = waiting
    this.#course = new Course(run, tools)
  }

  begin(): void {
    const run = this.#run
    const tools = this.#tools
    try {
      const step = this.#course.next()
      if (step.type !== 'try' || !hasTime(step) || hedgeDelayMs(run, step, tools) !== null)
        return this.#pursue(step, null)
      this.#first = step
      beginTry(run, step, placeNow(run, step, tools), run.signal, tools, this)
    } catch (error) {
      this.#waiting.failed(error)
    }
  }

  answered(tried: Tried): void {
    if (tried.type === 'answer' && this.#run.review === undefined) this.#waiting.answered(tried.answer)
    else if (this.#first !== null) this.#pursue(this.#first, tried)
  }

  failed(error: unknown): void {
    this.#waiting.failed(error)
  }

  #pursue(step: Step, tried: Tried | null): void {
    tell(this.#follow(step, tried), this.#waiting)
  }

  /** @param tried what came of the first of the steps already */
  async #follow(from: Step, tried: Tried | null): Promise<Answer> {
    let step = from
    let known = tried
    for (;;) {
      switch (step.type) {
        case 'try': {
          const answer = await this.#answerOf(step, known)
          if (answer !== null) return answer
          break
        }
        case 'counted':
          return countedAnswer(this.#run.call, step.target.deployment, step.lane.count, this.#tools)
        case 'fetch':
          await this.#run.media.fetch?.(step.places)
          break
        case 'none':
          // An answer in the wrong form is still what its caller paid for.
          if (this.#unfit !== null) return takenBack(this.#run, this.#unfit)
          throw step.error
      }
      known = null
      step = this.#course.next()
    }
  }

  /** Null: it brought none that will do, and the course knows. */
  async #answerOf(step: TryStep, known: Tried | null): Promise<Answer | null> {
    const run = this.#run
    const tools = this.#tools
    const course = this.#course
    let tried = known
    let isHedged = false
    if (tried === null) {
      const ticket = hasTime(step) ? placeNow(run, step, tools) : await placeLater(run, step, tools)
      if (ticket === null) {
        course.missed(step)
        return null
      }
      const delayMs = hedgeDelayMs(run, step, tools)
      isHedged = delayMs !== null
      tried = await (delayMs === null
        ? tryTarget(run, step, ticket, run.signal, tools)
        : tryHedged(run, { step, ticket }, delayMs, course, tools))
    }
    if (tried.type === 'answer') {
      const why = run.review === undefined ? null : await whyUnfit(run, tried)
      if (why === null) return tried.answer
      this.#unfit = tried
      course.failed(step, setAside(run, tried, why, tools))
      return null
    }
    if (run.signal.aborted) throw clientClosed()
    // Whoever hedges tells the course of each that failed.
    if (!isHedged) course.failed(step, tried)
    return null
  }
}

/** Nothing has to be waited for first. */
function hasTime({ pauseMs, waitMs }: TryStep): boolean {
  return pauseMs === 0 && waitMs <= 0
}

function placeNow(run: AttemptRun, step: TryStep, { health }: AttemptTools): Ticket {
  if (run.signal.aborted) throw clientClosed()
  const { deployment } = step.target
  // A first attempt earns the provider some retries; a retry has been taken from them.
  if (step.pauseMs === 0) health.firstAttempt(deployment.provider)
  return health.begin(deployment, step.credential, run.estimate.input)
}

/** Null: its place was gone when its time came, and the course has to be asked again. */
async function placeLater(run: AttemptRun, step: TryStep, tools: AttemptTools): Promise<Ticket | null> {
  if (step.pauseMs > 0) await pause(step.pauseMs, run.signal, tools.clock)
  if (run.signal.aborted) throw clientClosed()
  const { deployment } = step.target
  const ticket = tools.health.begin(deployment, step.credential, run.estimate.input)
  if (step.waitMs > 0 && !(await tookPlace(run, step, ticket, tools))) return null
  if (step.pauseMs === 0) tools.health.firstAttempt(deployment.provider)
  return ticket
}

/** Waits for the place that was taken; false when it is no longer good. */
async function tookPlace(run: AttemptRun, step: TryStep, ticket: Ticket, tools: AttemptTools): Promise<boolean> {
  await pause(step.waitMs, run.signal, tools.clock)
  if (!run.signal.aborted && tools.health.mayGo(ticket) && tools.roomMs(step.target.deployment.provider) <= 0)
    return true
  tools.health.abandoned(ticket)
  if (run.signal.aborted) throw clientClosed()
  return false
}

type Answered = Extract<Tried, { type: 'answer' }>

/** Null: it has the form that was asked for, or it is too late to say. */
async function whyUnfit(run: AttemptRun, { answer }: Answered): Promise<string | null> {
  return answer.type === 'stream' || run.signal.aborted ? null : ((await run.review?.(answer)) ?? null)
}

/** What it consumed is paid for as that of any attempt that did not give the answer. */
function setAside(run: AttemptRun, { answer, attempt: index }: Answered, reason: string, tools: AttemptTools): Failed {
  const outcome = { type: 'unfit', reason } as const
  discard(run, answer, index, tools, outcome)
  return { type: 'failed', outcome, rejection: null }
}

/** Nobody else gave an answer: this one is the answer after all. */
function takenBack(run: AttemptRun, { answer, attempt: index }: Answered): Answer {
  const line = run.attempts[index]
  if (line !== undefined) {
    const { consumed: _, ...rest } = line
    run.attempts[index] = { ...rest, outcome: { type: 'answered' } }
  }
  return answer
}
