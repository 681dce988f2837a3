// relay: the answer to the client, put away first where it is to be kept.
import type { Exchange } from '../exchange.ts'
import type { Stages } from '../handle.ts'
import { relayStream, relayWhole } from '../http/relay.ts'
import { isKept, keptStream, responseToKeep } from '../kept-responses.ts'
import { retirementWarning } from '../routing/retirement.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'
import { copiedStream } from './sample.ts'

/** How long an answer waits to be kept. */
const KEEP_MS = 2_000

export function relayStage(engine: Engine, { config }: Snapshot): Stages['relay'] {
  const { clock, log } = engine
  const { redact } = engine.attemptTools
  /** Puts an answer away before its caller sees the end of it, and so can go on from it; null: it is not to be kept. */
  function keeperOf({ id, call, caller }: Exchange): ((bytes: Uint8Array) => Promise<void>) | null {
    const { retentionMs } = config.responses
    if (call === null || caller === null || !isKept(call) || retentionMs === 0) return null
    return async (bytes) => {
      const now = clock.now()
      const stored = responseToKeep(new TextDecoder().decode(bytes), {
        call,
        id,
        keyId: caller.key.id,
        now,
        retentionMs,
      })
      if (stored === null) return
      // The answer is worth more than its copy: it waits a moment for the store, and no longer.
      const late = Promise.withResolvers<void>()
      const cancel = clock.after(KEEP_MS, late.resolve)
      const kept = engine.responses.putResponse(stored).catch((error: unknown) => {
        log.error('response_not_kept', { request: id, error: String(error) })
      })
      await Promise.race([kept, late.promise])
      cancel()
    }
  }

  return (exchange, request, answered) => {
    const deployment = answered.type === 'whole' ? answered.deployment : answered.origin.deployment
    const warning = retirementWarning(deployment, exchange.startedAt)
    const answer = warning === null ? answered : { ...answered, warnings: [...answered.warnings, warning] }
    exchange.target = { id: deployment.id, provider: deployment.provider.name, model: deployment.model }
    const keep = keeperOf(exchange)
    const copy = exchange.answerCopy
    if (answer.type === 'whole') {
      copy?.take(answer.bytes)
      return keep === null ? relayWhole(exchange, answer) : keep(answer.bytes).then(() => relayWhole(exchange, answer))
    }
    exchange.ttftMs = clock.monotonicMs() - exchange.startedMs
    const kept = keep === null ? answer : { ...answer, stream: keptStream(answer.stream, keep) }
    const relayed = copy === null ? kept : { ...kept, stream: copiedStream(kept.stream, copy) }
    return relayStream(exchange, relayed, exchange.entrance.dialect, {
      monotonicMs: () => clock.monotonicMs(),
      redact,
      signal: request.signal,
    })
  }
}
