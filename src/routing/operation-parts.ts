// A request that a model takes only in parts: each is sent by itself, a few at once, and what came is one answer again.
//
// The first part is the attempt's own call; the others follow when it has answered. One that fails fails the attempt, which
// then has consumed what the others used.
import type { Usage } from '../core/usage.ts'
import { broken, StreamFailure } from '../providers/answer-stream.ts'
import { classify, errorMessageOf } from '../providers/classify.ts'
import type { OperationBody } from '../providers/operation-wire.ts'
import { UpstreamFailure } from '../providers/upstream.ts'
import type { UpstreamAnswer } from '../providers/upstream.ts'
import type { Outcome } from '../core/outcome.ts'

/** A call that follows the first: where that went, unless it says otherwise. */
export type FollowingCall = {
  readonly body: string | Uint8Array | null
  readonly to?: { readonly method: string; readonly url: string; readonly contentType: string }
}

export type FollowTools = {
  readonly send: (call: FollowingCall) => Promise<UpstreamAnswer>
  readonly maxAnswerBytes: number
  readonly now: () => number
}

const AT_ONCE = 8
const MAX_ERROR_BYTES = 64 * 1024

export type PartsTools = FollowTools & {
  /** What a list of answers has used, as far as they tell. */
  readonly usageOf: (came: readonly OperationBody[]) => Usage | null
}

/** All answers in the order of their requests. Throws StreamFailure with what was consumed. */
export async function allParts(
  first: OperationBody,
  more: readonly (string | Uint8Array)[],
  tools: PartsTools,
): Promise<readonly OperationBody[]> {
  const came = [first]
  for (let from = 0; from < more.length; from += AT_ONCE) {
    const settled = await Promise.allSettled(more.slice(from, from + AT_ONCE).map((body) => askOn({ body }, tools)))
    for (const part of settled) if (part.status === 'fulfilled') came.push(part.value)
    const lost = settled.find((part) => part.status === 'rejected')
    if (lost === undefined) continue
    const reason: unknown = lost.reason
    if (!(reason instanceof StreamFailure || reason instanceof UpstreamFailure)) throw reason
    throw new StreamFailure(reason.outcome, reason.message, tools.usageOf(came))
  }
  return came
}

/** A call of an attempt that has been answered once already. Throws StreamFailure, UpstreamFailure. */
export async function askOn(call: FollowingCall, { send, maxAnswerBytes, now }: FollowTools): Promise<OperationBody> {
  const upstream = await send(call)
  const { status, headers } = upstream
  if (status < 300) return { bytes: await upstream.bytes(maxAnswerBytes), headers }
  const text = new TextDecoder().decode(await upstream.bytes(MAX_ERROR_BYTES))
  const message = errorMessageOf(text) ?? `a part of the request was answered with ${status}`
  const outcome = classify({ status, headers, body: text }, undefined, now())
  throw isAboutRequest(outcome) ? broken(message) : new StreamFailure(outcome, message)
}

/** The request was answered once: it cannot be at fault as a whole. */
function isAboutRequest({ type }: Outcome): boolean {
  return type === 'rejected' || type === 'context_too_long' || type === 'filtered'
}
