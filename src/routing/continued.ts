// `midstream: continue`: an answer that breaks off after its caller has seen a part of it goes on at another target.
//
// The target gets the conversation with the part as its own begun answer, or, where its model does not go on from one, with
// the request to go on. What it says is joined to what was there (seam.ts, joint.ts) in the caller's dialect, also when
// the first part came through as it was. The part is booked on its own attempt, the rest on the answer's; both stand
// among the attempts. An answer is continued three times at most, never inside a tool's call; where nobody can go on the
// caller gets the error as under `midstream: error`.
import type { Call, ReadChat } from '../core/call.ts'
import type { ChatMessage } from '../core/chat.ts'
import type { Deployment } from '../core/model.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { Attempt, Outcome } from '../core/outcome.ts'
import { tell } from '../core/waiting.ts'
import type { AnswerStream, StreamPiece } from '../providers/answer-stream.ts'
import { nextOf, StreamFailure } from '../providers/answer-stream.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { AttemptRun, AttemptTools, Origin, StreamAnswer } from './attempt-run.ts'
import { jointTo } from './joint.ts'
import { chatOf } from './lane.ts'
import type { SeamKind } from './seam.ts'
import type { Transcript } from './transcript.ts'

const MOST_SEAMS = 3
const GO_ON =
  'Your answer above was cut off by a fault. Go on with it exactly where it ends, with the very next character (a space, if one is due). Do not repeat anything of it, do not comment, do not begin anew.'

/** Opens the rest of an answer at another target; throws a GatewayError where there is none. */
export type OpenRest = (run: AttemptRun) => Promise<StreamAnswer>

/** The answer, which goes on elsewhere when it breaks off. */
export function continued(
  run: AttemptRun,
  first: StreamAnswer,
  transcript: Transcript,
  openRest: OpenRest,
  tools: AttemptTools,
): StreamAnswer {
  let current = first
  let seams = 0
  const origin: Origin = { ...first.origin }

  async function goOn(failure: unknown): Promise<StreamPiece | null> {
    const outcome = brokenBy(failure)
    if (outcome === null || seams >= MOST_SEAMS || !transcript.canGoOn || run.signal.aborted) throw failure
    seams++
    const line = run.attempts[origin.attempt]
    if (line === undefined) throw failure
    current.finished(outcome, null)
    current.cancel()
    run.attempts[origin.attempt] = cutLine(line, current, outcome)
    try {
      current = await openRest(restOf(run, transcript, origin.deployment))
    } catch (error) {
      // As it was: what the part cost is the answer's own again.
      run.attempts[origin.attempt] = line
      throw run.signal.aborted ? error : failure
    }
    origin.deployment = current.origin.deployment
    origin.attempt = current.origin.attempt
    return await next()
  }

  function cutLine(line: Attempt, { stream }: StreamAnswer, ended: Outcome): Attempt {
    const { usage, outputCharacters } = stream.facts
    const output = tools.tokensOf(outputCharacters)
    return {
      ...line,
      outcome: redactOutcome(ended, tools.redact),
      durationMs: Math.max(line.durationMs, tools.clock.now() - line.startedAt),
      message: `cut after ${transcript.text.length} characters, and continued elsewhere`,
      consumed: {
        usage: usage === null ? { ...run.estimate, output } : { ...usage, output: Math.max(usage.output, output) },
        costNanoUsd: null,
      },
    }
  }

  async function next(): Promise<StreamPiece | null> {
    try {
      return await nextOf(current.stream)
    } catch (failure) {
      return await goOn(failure)
    }
  }

  const stream: AnswerStream = {
    get facts() {
      return current.stream.facts
    },
    open: () => Promise.resolve(),
    take: (waiting) => tell(next(), waiting),
  }
  return {
    ...first,
    origin,
    stream,
    cancel: () => current.cancel(),
    finished: (outcome, outputTokens) => current.finished(outcome, outputTokens),
  }
}

function brokenBy(error: unknown): Outcome | null {
  if (!(error instanceof StreamFailure || error instanceof UpstreamFailure)) return null
  return error.outcome.type === 'cancelled' ? null : error.outcome
}

/** The run that asks for the rest: the other targets first, the one that broke off last. */
function restOf(run: AttemptRun, transcript: Transcript, broken: Deployment): AttemptRun {
  const { plan, call, dialect } = run
  const others = plan.targets.filter(({ deployment }) => deployment !== broken)
  const same = plan.targets.filter(({ deployment }) => deployment === broken)
  const { translator } = dialect
  if (translator === undefined) throw new Error(`${dialect.id} is no dialect of chat`)
  const read = chatOf(call, translator)
  return {
    ...run,
    plan: {
      ...plan,
      targets: [...others, ...same],
      policy: { ...plan.policy, hedgeAfterMs: null, midstream: 'error' },
    },
    continuing: {
      callFor: (deployment) => ({ ...call, chat: restChat(read, transcript.text, kindFor(deployment)) }),
      jointFor: (deployment) => jointTo(transcript, kindFor(deployment)),
    },
  }
}

function kindFor({ facts, provider }: Deployment): SeamKind {
  return facts.abilities.prefill === true || provider.quirks.prefillPath !== undefined ? 'prefill' : 'asked'
}

/** The conversation with what was said of the answer; nothing but thoughts were said: as it was. */
function restChat(read: ReadChat, text: string, kind: SeamKind): Call['chat'] {
  if (text === '') return read
  const said: ChatMessage = {
    role: 'assistant',
    parts: [{ type: 'text', text: kind === 'prefill' ? text.trimEnd() : text }],
  }
  const messages =
    kind === 'prefill'
      ? [...read.request.messages, said]
      : [...read.request.messages, said, { role: 'user', parts: [{ type: 'text', text: GO_ON }] } as const]
  return { ...read, request: { ...read.request, messages } }
}
