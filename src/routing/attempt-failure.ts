// What a caller is told when no target answered.
import { GatewayError } from '../core/error.ts'
import type { ErrorCode } from '../core/error.ts'
import type { AttemptRun } from './attempt-run.ts'

/** A target that was passed over, because its provider cannot be told what was asked for. */
export type Refused = { readonly target: string; readonly refusals: readonly string[] }

/** The provider's own refusal of the request itself. */
export function rejection(status: number, code: string | null, message: string | null): GatewayError {
  return new GatewayError('upstream_rejected', {
    // A client error of the provider stays one; whatever else it called it, the request is at fault.
    status: status >= 400 && status < 500 ? status : 400,
    ...(message === null ? {} : { message }),
    ...(code === null ? {} : { upstreamCode: code }),
  })
}

/** `waitMs`: how long until the first target has room again or comes back; null where none is waited for. */
export function failure(run: AttemptRun, refused: readonly Refused[], waitMs: number | null): GatewayError {
  const { attempts, plan } = run
  const passedOver = refused.map(({ target, refusals }) => `${target}: ${refusals.join(' ')}`)
  if (attempts.length === 0 && waitMs !== null)
    return new GatewayError('all_targets_cooling', {
      message: `Every target of ${plan.route} has used up what its provider grants, or is cooling down.`,
      retryAfterMs: waitMs,
    })
  if (attempts.length === 0 && refused.length > 0)
    return new GatewayError('unsupported', {
      message: `What was asked for cannot be had from ${plan.route} (\`routing.lossy: allow\` would leave it out). ${passedOver.join(' ')}`,
    })
  if (attempts.length === 0)
    return new GatewayError('unsupported', {
      message: `No target of ${plan.route} can serve this request: ${plan.excluded.map(({ deployment, why }) => `${deployment.id} ${why}`).join('; ')}.`,
    })
  const code = codeOf(run)
  const summary = attempts.map(
    ({ target, outcome, status }) => `${target}: ${outcome.type}${status === null ? '' : ` (${status})`}`,
  )
  const waits = attempts.flatMap(({ outcome }) =>
    outcome.type === 'rate_limited' && outcome.retryAfterMs !== null ? [outcome.retryAfterMs] : [],
  )
  if (waitMs !== null) waits.push(waitMs)
  return new GatewayError(code, {
    message:
      code === 'all_targets_cooling'
        ? `Every target is rate limited by its provider. ${summary.join('; ')}.`
        : `No target could answer. ${summary.join('; ')}.${passedOver.length === 0 ? '' : ` Passed over: ${passedOver.join(' ')}`}`,
    attempts: attempts.map(({ target, outcome, status, durationMs }) => ({
      target,
      outcome: outcome.type,
      status,
      durationMs,
    })),
    ...(waits.length > 0 ? { retryAfterMs: Math.min(...waits) } : {}),
  })
}

function codeOf({ attempts }: AttemptRun): ErrorCode {
  const types = new Set(attempts.map(({ outcome }) => outcome.type))
  if (types.size === 1 && types.has('timed_out')) return 'all_targets_timed_out'
  return types.size === 1 && types.has('rate_limited') ? 'all_targets_cooling' : 'all_targets_failed'
}
