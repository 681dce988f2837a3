// Hedging: a second attempt on the next target, when the first has said nothing for a while. The first meaningful event
// wins; the loser is cancelled at once, and what it consumed until then is booked on its line.
//
// Off unless the route asks for it; at most one request in twenty; never for a target that would have to be waited for.
import type { Course, TryStep } from './attempt-course.ts'
import type { AttemptRun, AttemptTools } from './attempt-run.ts'
import { discard, tryTarget } from './attempt-try.ts'
import type { Tried } from './attempt-try.ts'
import type { Ticket } from './health.ts'

type Runner = { readonly step: TryStep; readonly ticket: Ticket }
type Racing = Runner & { readonly abort: AbortController; readonly tried: Promise<Tried>; isOver: boolean }

const QUANTILE = 0.95

/** After how long a second attempt starts; null: never. */
export function hedgeDelayMs({ plan }: AttemptRun, { target }: TryStep, { health }: AttemptTools): number | null {
  const { hedgeAfterMs } = plan.policy
  if (hedgeAfterMs === null) return null
  return hedgeAfterMs === 'p95' ? health.ttftQuantile(target.deployment, QUANTILE) : hedgeAfterMs
}

export async function tryHedged(
  run: AttemptRun,
  first: Runner,
  delayMs: number,
  course: Course,
  tools: AttemptTools,
): Promise<Tried> {
  tools.hedges.requested()
  const leader = start(run, first, tools)
  if ((await firstOf(leader.tried, delayMs, tools)) !== null) return await finish(run, [leader], course, tools)
  const second = secondOf(run, course, first.step, tools)
  return await finish(run, second === null ? [leader] : [leader, start(run, second, tools)], course, tools)
}

function secondOf(run: AttemptRun, course: Course, first: TryStep, tools: AttemptTools): Runner | null {
  const step = course.beside(first.target)
  if (step === null || !tools.hedges.take()) return null
  tools.health.firstAttempt(step.target.deployment.provider)
  return { step, ticket: tools.health.begin(step.target.deployment, step.credential, run.estimate.input) }
}

function start(run: AttemptRun, runner: Runner, tools: AttemptTools): Racing {
  const abort = new AbortController()
  const onClient = (): void => abort.abort()
  if (run.signal.aborted) abort.abort()
  else run.signal.addEventListener('abort', onClient, { once: true })
  // A stream that won goes on under this signal: a client that leaves must still reach it.
  const tried = tryTarget(run, runner.step, runner.ticket, abort.signal, tools).then((result) => {
    if (result.type === 'failed') run.signal.removeEventListener('abort', onClient)
    return result
  })
  return { ...runner, abort, tried, isOver: false }
}

/** The first answer, or the last failure; whoever is still running is stopped, and has left its line when this resolves. */
async function finish(run: AttemptRun, racing: readonly Racing[], course: Course, tools: AttemptTools): Promise<Tried> {
  let last: Tried | null = null
  try {
    for (const _ of racing) {
      const { racer, tried } = await Promise.race(
        racing
          .filter(({ isOver }) => !isOver)
          .map((one) => one.tried.then((result) => ({ racer: one, tried: result }))),
      )
      racer.isOver = true
      last = tried
      if (tried.type === 'answer') return tried
      if (!run.signal.aborted) course.failed(racer.step, tried)
    }
    if (last === null) throw new Error('a race without anybody in it')
    return last
  } finally {
    for (const racer of racing) if (!racer.isOver) await stop(run, racer, tools)
  }
}

async function stop(run: AttemptRun, racer: Racing, tools: AttemptTools): Promise<void> {
  racer.abort.abort()
  const late = await racer.tried
  // It answered in the same moment.
  if (late.type === 'answer') discard(run, late.answer, late.attempt, tools)
}

/** The promise's value, or null when the time is up. */
async function firstOf<T>(promise: Promise<T>, ms: number, { clock }: AttemptTools): Promise<T | null> {
  const late = Promise.withResolvers<null>()
  const cancel = clock.after(ms, () => late.resolve(null))
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    cancel()
  }
}
