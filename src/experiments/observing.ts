// What the requests of a route on trial tell its experiment: who was assigned, what answers came to, what was spent.
//
// A guardrail compares one answer of the candidate with one of the control of about the same time: each waits for the other, and the
// newest go first, so that where one of both is rare (the control, in the end) what is wrong now is seen now. What is usual is
// learned from the control.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { Guardrail, Stage, Trial } from '../core/experiment.ts'
import type { OutcomeType } from '../core/outcome.ts'
import type { Exchange } from '../exchange.ts'
import type { Answered } from '../lab/answered.ts'
import { CONTENT_GUARDRAILS, type Course, COURSE_GUARDRAILS, createUsual, type Usual } from '../lab/guardrails.ts'
import { isReal } from '../lab/ramp.ts'
import type { FaultsOf } from './comparing.ts'
import type { Progress } from './progress.ts'

export interface Observing {
  /** A request on trial has come. Counted then, and not when it is over: the slower arm would seem to get less. */
  assigned(trial: Trial): void
  /** It is closed. */
  closed(exchange: Exchange, trial: Trial): void
  /** The content of its answer is to be looked at. */
  read(answered: Answered, trial: Trial): Promise<void>
  /** What the route spent and was not told yet is told. */
  settle(): void
}

export type ObservedExperiment = {
  readonly progress: Progress
  readonly now: () => number
  readonly faultsOf: FaultsOf
}

/** Answers of the candidate that wait for one of the control: while it is rare, each of them counts. */
const MOST_WAITING = 8
/** Conversations that are remembered, so that each is counted once. */
const MOST_CONVERSATIONS = 50_000

/** `rejected` too: what the baseline takes and the candidate refuses is the candidate's fault. */
const ERRORS: ReadonlySet<OutcomeType> = new Set([
  'rate_limited',
  'overloaded',
  'unreachable',
  'broken',
  'credential_bad',
  'rejected',
])
/** Not the fault of what the caller sent. */
const HARD: ReadonlySet<OutcomeType> = new Set(['overloaded', 'unreachable', 'broken', 'credential_bad', 'timed_out'])
/** The providers' words for an answer that had become as long as it may. */
const CUT: ReadonlySet<string | null> = new Set(['length', 'max_tokens', 'MAX_TOKENS', 'max_output_tokens'])

type Finding = { readonly broken: readonly Guardrail[]; readonly isHard: boolean }

export function createObserving({ progress, now, faultsOf }: ObservedExperiment): Observing {
  const seen = new LRUCache<string, true>(atMost(MOST_CONVERSATIONS))
  const usual: Usual = createUsual()
  const courses = pairing(COURSE_GUARDRAILS)
  const contents = pairing(CONTENT_GUARDRAILS)
  let routeNanoUsd = 0n

  function pairing(measured: readonly Guardrail[]) {
    const candidates: Finding[] = []
    let control: Finding | null = null
    let of: Stage | null = null
    return ({ arm, stage }: Trial, finding: Finding): void => {
      if (of !== stage) {
        // Of another stage, and so of another time.
        candidates.length = 0
        control = null
        of = stage
      }
      if (arm === 'control') control = finding
      else candidates.push(finding)
      if (candidates.length > MOST_WAITING) candidates.shift()
      if (candidates.length === 0 || control === null) return
      const candidate = candidates.pop()!
      const { broken } = control
      control = null
      progress.add({
        type: 'observed',
        at: now(),
        stage,
        observation: {
          type: 'outcome',
          measured,
          candidate: candidate.broken,
          control: broken,
          isHard: candidate.isHard,
        },
      })
    }
  }

  return {
    assigned({ arm, conversation, stage }) {
      if (!isReal(stage)) return
      if (conversation !== null) {
        if (seen.has(conversation)) return
        seen.set(conversation, true)
      }
      progress.add({
        type: 'observed',
        at: now(),
        stage,
        observation: { type: 'assigned', toCandidate: arm === 'candidate' },
      })
    },

    closed(exchange, trial) {
      routeNanoUsd += exchange.costNanoUsd ?? 0n
      const { spec, ramp } = progress.now
      // What began in another stage has nobody of this one to be compared with.
      if (!isReal(ramp.stage) || trial.stage !== ramp.stage) return
      const model = trial.arm === 'candidate' ? spec.candidate : spec.baseline
      const attempt = exchange.attempts.findLast(({ target }) => target === model)
      // Another target answered alone, or the caller went away: that tells nothing of this one.
      if (attempt === undefined || attempt.outcome.type === 'cancelled') return
      const { type } = attempt.outcome
      const course: Course = {
        isError: ERRORS.has(type),
        isTimeout: type === 'timed_out',
        isCut: CUT.has(exchange.ending?.produced?.finishReason ?? null),
        durationMs: exchange.ttftMs ?? attempt.durationMs,
        costNanoUsd: exchange.costNanoUsd,
      }
      if (trial.arm === 'control') usual.add(course)
      courses(trial, { broken: usual.broken(course), isHard: HARD.has(type) })
    },

    async read({ request, answer, deployment }, trial) {
      const { spec, ramp } = progress.now
      const model = trial.arm === 'candidate' ? spec.candidate : spec.baseline
      if (!isReal(ramp.stage) || trial.stage !== ramp.stage || deployment !== model) return
      if (answer.type !== 'read' || !answer.isComplete) return
      const { broken } = await faultsOf(request, answer.answer)
      contents(trial, { broken, isHard: false })
    },

    settle() {
      if (routeNanoUsd === 0n) return
      progress.add({ type: 'spent', at: now(), labNanoUsd: 0n, routeNanoUsd })
      routeNanoUsd = 0n
    },
  }
}
