// attempt: opens the upstream of a live session, at the first target of the plan that lets it in.
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import type { Outcome } from '../core/outcome.ts'
import { redactOutcome } from '../core/outcome.ts'
import type { DialectId } from '../core/call.ts'
import type { Exchange } from '../exchange.ts'
import type { RealtimeWire } from '../providers/realtime-wire.ts'
import type { UpstreamSocket } from '../providers/upstream-socket.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { AttemptTools } from '../routing/attempt-run.ts'
import type { Ticket } from '../routing/health.ts'
import type { Plan, PlannedTarget } from '../routing/plan.ts'

export type Connection = {
  readonly target: PlannedTarget
  readonly socket: UpstreamSocket
  readonly reader: ReturnType<RealtimeWire['reader']>
  readonly credentialId: string | null
  readonly ticket: Ticket
}

export type ConnectCall = {
  readonly dialect: DialectId
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

const NO_PROTOCOLS: readonly string[] = []

/** Throws `all_targets_…` or `client_closed`. Each target that was tried in vain is a line of the exchange. */
export async function connectTarget(
  exchange: Exchange,
  plan: Plan,
  call: ConnectCall,
  tools: AttemptTools,
): Promise<Connection> {
  for (const target of plan.targets) {
    const connection = await tryTarget(exchange, target, call, tools)
    if (connection !== null) return connection
  }
  const lines = exchange.attempts.map(({ target, outcome, status, durationMs }) => ({
    target,
    outcome: outcome.type,
    status,
    durationMs,
  }))
  const types = new Set(lines.map(({ outcome }) => outcome))
  const code =
    types.size === 1 && types.has('timed_out')
      ? 'all_targets_timed_out'
      : types.size === 1 && types.has('rate_limited')
        ? 'all_targets_cooling'
        : 'all_targets_failed'
  const summary = lines.map(({ target, outcome }) => `${target}: ${outcome}`).join('; ')
  throw new GatewayError(code, { message: `No target took the session. ${summary}.`, attempts: lines })
}

async function tryTarget(
  exchange: Exchange,
  target: PlannedTarget,
  { dialect, query, headers, signal }: ConnectCall,
  tools: AttemptTools,
): Promise<Connection | null> {
  const { deployment, timeouts } = target
  const { provider } = deployment
  const wire = tools.wireOf(provider).realtime?.[dialect]
  const url = wire?.url(deployment, query) ?? null
  if (wire === undefined || url === null) return null
  const credential = tools.credentials.choose(provider, {
    waitMs: (one) => tools.health.waitMs(deployment, one, 0),
    tried: null,
  })
  const ticket = tools.health.begin(deployment, credential, 0)
  tools.onStart(deployment)
  const startedAt = tools.clock.now()
  const startedMs = tools.clock.monotonicMs()
  const credentialId = credential?.id ?? null
  const end = (ended: Outcome): Outcome => {
    const outcome = redactOutcome(ended, tools.redact)
    tools.health.ended(ticket, outcome, { headers: null, isOurs: false })
    tools.credentials.report(credential, outcome)
    return outcome
  }
  try {
    const call = { provider, credential, url, headers, protocols: NO_PROTOCOLS, timeouts, signal }
    const socket = await tools.upstream.connect(call)
    end({ type: 'answered' })
    return { target, socket, reader: wire.reader(), credentialId, ticket }
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) {
      tools.health.abandoned(ticket)
      throw error
    }
    const outcome = end(error.outcome)
    exchange.attempts.push(
      lineOf(deployment, outcome, { credentialId, startedAt, durationMs: tools.clock.monotonicMs() - startedMs }),
    )
    if (outcome.type === 'cancelled') throw new GatewayError('client_closed', {}, error)
    return null
  }
}

export type LineFacts = {
  readonly credentialId: string | null
  readonly startedAt: number
  readonly durationMs: number
}

/** The line of a target among the attempts of a turn. */
export function lineOf(deployment: Deployment, outcome: Outcome, facts: LineFacts): Exchange['attempts'][number] {
  return {
    ...facts,
    target: deployment.id,
    outcome,
    status: null,
    ttftMs: null,
    message: 'reason' in outcome ? outcome.reason : null,
  }
}
