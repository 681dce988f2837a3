// What a provider's batch says of one request, read as the answer that the request would have got alone.
import type { ForwardedTo } from '../core/batch.ts'
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import type { Attempt, Outcome } from '../core/outcome.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { LineAnswer } from '../dialects/openai-batches.ts'
import type { ProviderResult } from '../providers/batch-wire.ts'
import { classify, errorCodeOf, errorMessageOf } from '../providers/classify.ts'
import type { UpstreamAnswer } from '../providers/upstream.ts'
import { openAnswer } from '../routing/attempt-answer.ts'
import { rejection } from '../routing/attempt-failure.ts'
import type { AttemptRun, WholeAnswer } from '../routing/attempt-run.ts'
import { DEFAULT_POLICY } from '../routing/route.ts'
import { sizeOf, worstOf } from '../stages/admit.ts'
import { laneOfLine } from './line-call.ts'
import type { LineCall, LineCallTools } from './line-call.ts'

const NO_HEADERS = new Headers()
const NEVER = new AbortController().signal

/** What a result says: an answer for the caller, or why there is none. */
export type Told =
  | { readonly type: 'answer'; readonly answer: WholeAnswer; readonly attempt: Attempt }
  | { readonly type: 'refusal'; readonly error: GatewayError; readonly attempt: Attempt }

type ToldOf = {
  readonly id: string
  readonly read: LineCall
  readonly deployment: Deployment
  readonly to: ForwardedTo
}

/** Never throws for what the provider says. */
export async function toldBy(
  { status, body }: NonNullable<ProviderResult['answer']>,
  { id, read, deployment, to }: ToldOf,
  tools: LineCallTools,
): Promise<Told> {
  const { attemptTools, clock } = tools.engine
  const { redact } = attemptTools
  const failed = (outcome: Outcome, error: GatewayError): Told => ({
    type: 'refusal',
    error,
    attempt: attemptOf(deployment, to, redactOutcome(outcome, redact), status, tools),
  })
  if (status >= 400) {
    const outcome = classify({ status, headers: NO_HEADERS, body }, deployment.provider.outcomes, clock.now())
    const [code, message] = [errorCodeOf(body), errorMessageOf(body)]
    return failed(
      outcome,
      rejection(status, code === null ? null : redact(code), message === null ? null : redact(message)),
    )
  }
  try {
    const answer = await readAnswer(body, { id, read, deployment, to }, tools)
    return { type: 'answer', answer, attempt: attemptOf(deployment, to, { type: 'answered' }, status, tools) }
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    return failed({ type: 'broken', reason }, new GatewayError('all_targets_failed', { message: redact(reason) }))
  }
}

/** Reads a result as the answer that it would have been to a request of its own. */
async function readAnswer(body: string, { id, read, deployment }: ToldOf, tools: LineCallTools): Promise<WholeAnswer> {
  const { attemptTools, clock } = tools.engine
  const lane = laneOfLine(read, deployment, tools)
  if (lane === null) throw new Error('the configuration has changed, and the answer cannot be read any more')
  const bytes = Buffer.from(body, 'utf8')
  const upstream: UpstreamAnswer = {
    status: 200,
    headers: new Headers({ 'content-type': 'application/json' }),
    bytes: () => Promise.resolve(bytes),
    chunks: () => {
      throw new Error('a result of a batch is no stream')
    },
    committed: () => {},
    cancel: () => {},
  }
  const run: AttemptRun = {
    requestId: id,
    call: read.call,
    dialect: read.entrance.dialect,
    plan: {
      route: read.call.facts.model,
      targets: [],
      excluded: [],
      decision: null,
      on: {},
      policy: DEFAULT_POLICY,
      totalMs: 0,
    },
    lossy: tools.snapshot().config.routing.lossy,
    media: { maxBytes: bytes.length, fetch: null },
    signal: NEVER,
    deadlineMs: clock.monotonicMs(),
    estimate: worstOf(deployment, {}, sizeOf(read.call), tools.engine.observed).usage,
    attempts: [],
  }
  const send = (): never => {
    throw new Error('a result of a batch is whole')
  }
  const opened = await openAnswer(run, deployment, lane, upstream, { send, signal: NEVER }, attemptTools)
  if (opened.type !== 'whole') throw new Error('a result of a batch is whole')
  return opened
}

/** Its time is that of the batch, and no measure of the provider. */
export function attemptOf(
  { id }: Pick<Deployment, 'id'>,
  { credentialId }: ForwardedTo,
  outcome: Outcome,
  status: number | null,
  { engine }: LineCallTools,
): Attempt {
  const startedAt = engine.clock.now()
  return { target: id, credentialId, outcome, status, startedAt, durationMs: 0, ttftMs: null, message: null }
}

/** The same as the line of a file. */
export function shownOf(told: Told, id: string, { entrance }: LineCall, { engine }: LineCallTools): LineAnswer {
  if (told.type === 'answer')
    return { type: 'answered', status: told.answer.status, body: Buffer.from(told.answer.bytes).toString('utf8') }
  const { error } = told
  const { redact } = engine.attemptTools
  const body = redact(JSON.stringify(entrance.dialect.errorBody(error, id)))
  return { type: 'answered', status: error.status, body }
}
