// attempt: sends a pass-through call once, with the provider's credential in place of the caller's key.
import { GatewayError } from '../core/error.ts'
import type { Outcome } from '../core/outcome.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { Exchange } from '../exchange.ts'
import { classify, errorMessageOf } from '../providers/classify.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { UpstreamAnswer } from '../providers/upstream.ts'
import type { Deployment } from '../core/model.ts'
import type { Ticket } from '../routing/health.ts'
import { passHeaders } from './headers.ts'
import type { PassTools } from './pass.ts'
import type { PassPlan } from './plan.ts'
import type { PassCall } from './read.ts'

/** What came back: the head of a good answer, or a refusal of the provider's, whole. */
export type PassAnswer = {
  readonly deployment: Deployment
  readonly read: PassCall
  readonly upstream: UpstreamAnswer
  readonly ticket: Ticket
  /** Of a status from 400 on: its body, and what it means. */
  readonly refusal: { readonly bytes: Uint8Array; readonly message: string | null } | null
}

const MOST_REFUSAL_BYTES = 1024 * 1024
const UTF8 = new TextDecoder()

/** Throws `all_targets_failed`, `all_targets_timed_out`, `client_closed`. */
export async function sendPass(
  exchange: Exchange,
  request: Request,
  read: PassCall,
  { deployment, url, plan }: PassPlan,
  { engine, snapshot }: PassTools,
): Promise<PassAnswer> {
  const { attemptTools: tools, clock } = engine
  const { provider } = deployment
  const credential = tools.credentials.choose(provider, {
    waitMs: (one) => tools.health.waitMs(deployment, one, 0),
    tried: null,
  })
  const ticket = tools.health.begin(deployment, credential, 0)
  const startedMs = clock.monotonicMs()
  const startedAt = clock.now()
  let upstream: UpstreamAnswer | null = null
  const end = (ended: Outcome, message: string | null): void => {
    const outcome = redactOutcome(ended, tools.redact)
    const durationMs = clock.monotonicMs() - startedMs
    exchange.attempts.push({
      target: deployment.id,
      credentialId: credential?.id ?? null,
      outcome,
      status: upstream?.status ?? null,
      startedAt,
      durationMs,
      ttftMs: outcome.type === 'answered' ? durationMs : null,
      message,
    })
    const stated = tools.health.ended(ticket, outcome, { headers: upstream?.headers ?? null, isOurs: false })
    if (stated !== null) tools.onStated(deployment, stated)
    tools.credentials.report(credential, outcome)
  }
  tools.onStart(deployment)
  try {
    upstream = await tools.upstream.call({
      provider,
      credential,
      method: request.method,
      url,
      headers: passHeaders(request.headers, ownHeaders(snapshot.config.providers[provider.name]?.headers)),
      body: read.body,
      timeouts: { ...provider.timeouts, totalMs: plan.totalMs },
      stream: false,
      signal: request.signal,
    })
    if (upstream.status < 400) {
      end({ type: 'answered' }, null)
      return { deployment, read, upstream, ticket, refusal: null }
    }
    const bytes = await upstream.bytes(MOST_REFUSAL_BYTES)
    const body = UTF8.decode(bytes)
    const reply = { status: upstream.status, headers: upstream.headers, body }
    const outcome = classify(reply, provider.outcomes, clock.now())
    const said = errorMessageOf(body)
    const message = said === null ? null : tools.redact(said)
    end(outcome, message)
    // The credential is the operator's: to the client a 401 would say that its own key is wrong.
    if (outcome.type === 'credential_bad') throw failure(exchange, deployment.id, 'all_targets_failed', outcome.type)
    return { deployment, read, upstream, ticket, refusal: { bytes, message } }
  } catch (error) {
    if (error instanceof GatewayError) throw error
    upstream?.cancel()
    if (!(error instanceof UpstreamFailure)) {
      tools.health.abandoned(ticket)
      throw error
    }
    end(error.outcome, tools.redact(error.message))
    if (error.outcome.type === 'cancelled') throw new GatewayError('client_closed', {}, error)
    const code = error.outcome.type === 'timed_out' ? 'all_targets_timed_out' : 'all_targets_failed'
    throw failure(exchange, deployment.id, code, error.outcome.type)
  }
}

function failure(
  exchange: Exchange,
  target: string,
  code: 'all_targets_failed' | 'all_targets_timed_out',
  outcome: Outcome['type'],
): GatewayError {
  return new GatewayError(code, {
    message: `The provider could not answer: ${outcome}.`,
    attempts: exchange.attempts.map(({ status, durationMs }) => ({ target, outcome, status, durationMs })),
  })
}

function ownHeaders(headers: Readonly<Record<string, string>> | undefined): ReadonlySet<string> {
  return new Set(Object.keys(headers ?? {}).map((name) => name.toLowerCase()))
}
