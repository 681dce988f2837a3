// Requests that their callers named with `Idempotency-Key`: the same name and body within a day is one request.
//
// States of a name: free → running → answered. It is claimed in the store before anything is sent, and the answer is there
// before its client sees the end of it. A client that goes away does not end the run: its next try finds the answer. A
// request of which nothing came and that cost nothing frees its name. One that cost something and whose answer is not kept
// (the process died, it broke off, it was too large) keeps it: whoever asks again is told so and not charged twice.
import type { Reply } from '../core/reply.ts'
import { createHash } from 'node:crypto'
import { fingerprint } from '../cache/fingerprint.ts'
import { GatewayError } from '../core/error.ts'
import type { IdempotentRequest } from '../core/kept-answer.ts'
import { routingOptionsOf } from '../http/option-headers.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'
import { admitAgain, answerToKeep, askItself, joinRun, lead, streamBounds } from './recalled.ts'
import type { Recalled } from './recalled.ts'
import { replay } from './replay.ts'
import { startRun } from './shared-run.ts'
import type { Run } from './shared-run.ts'

const KEPT_MS = 24 * 3_600_000
const AGAIN = { 'idempotency-replayed': 'true' }

export function idempotentStage(engine: Engine, { config }: Snapshot) {
  const { answers, clock, log, named } = engine
  const { maxSizeBytes, maxAnswerBytes } = config.cache

  /** The name is this request's, and it is asked. Null: another one has it. */
  async function claimed(recalled: Recalled, id: string, print: string): Promise<IdempotentRequest | null> {
    const now = clock.now()
    const { id: requestId } = recalled.exchange
    const claim = { id, fingerprint: print, requestId, createdAt: now, expiresAt: now + KEPT_MS }
    const held = await answers.claimRequest(claim, now)
    if (held === null || held.answer !== null || held.fingerprint !== print) return held
    // It runs nowhere any more. Of what never reached a provider nothing is known to be charged.
    const entry = await answers.getEntry(held.requestId)
    if (entry !== null && (entry.status !== 'failed' || entry.costNanoUsd !== 0n)) return held
    await answers.releaseRequest(id, held.requestId)
    return answers.claimRequest(claim, now)
  }

  function begin(recalled: Recalled, id: string): Run {
    const { exchange, request } = recalled
    return startRun(
      {
        exchange,
        request,
        ask: (own) => askItself(recalled, own),
        whenLeft: 'finish',
        bounds: streamBounds(maxAnswerBytes),
        async onOver(ended) {
          const answer = answerToKeep(recalled, ended, clock.now())
          try {
            if (answer !== null) await answers.answerRequest(id, exchange.id, answer, { maxBytes: maxSizeBytes })
            else if (await isFree(recalled)) await answers.releaseRequest(id, exchange.id)
          } catch (error) {
            log.error('named_request_not_kept', { request: exchange.id, error: String(error) })
          }
          named.delete(id)
        },
      },
      engine,
    )
  }

  /** Whether nothing was charged. A request that was refused is not closed yet: its attempts tell what they cost. */
  async function isFree({ exchange }: Recalled): Promise<boolean> {
    if (!exchange.isClosed) return exchange.attempts.every(({ consumed }) => consumed === undefined)
    return (exchange.costNanoUsd ?? 0n) === 0n
  }

  async function runOf(recalled: Recalled, id: string, print: string): Promise<Run | IdempotentRequest> {
    const begun = Promise.withResolvers<Run | null>()
    named.set(id, { fingerprint: print, begun: begun.promise })
    try {
      const held = await claimed(recalled, id, print)
      if (held === null) {
        const run = begin(recalled, id)
        begun.resolve(run)
        return run
      }
      return held
    } finally {
      // Harmless where the run has begun.
      begun.resolve(null)
      if ((await begun.promise) === null) named.delete(id)
    }
  }

  return async (recalled: Recalled, name: string): Promise<Reply> => {
    const { exchange, request, call, caller } = recalled
    if (!/^[\x21-\x7e]{1,255}$/.test(name))
      throw new GatewayError('request_malformed', {
        message: '`Idempotency-Key` is 1 to 255 characters without spaces.',
        param: 'idempotency-key',
      })
    const id = createHash('sha256').update(`${caller.key.id}\n${name}`).digest('base64url')
    const print = fingerprint(call, {
      ownFields: exchange.entrance.dialect.ownFields,
      routing: routingOptionsOf(request.headers, call.facts.options.routing),
      within: '',
    })
    for (;;) {
      const other = named.get(id)
      if (other !== undefined) {
        if (other.fingerprint !== print) throw otherBody()
        const run = await other.begun
        const answer = run === null ? null : await joinRun(engine, config, recalled, run, AGAIN)
        if (answer !== null) return answer
        // It runs and cannot be joined any more; of any other the store knows what has become.
        if (run !== null && named.get(id) === other) throw running(run.exchange.id)
        continue
      }
      const found = await runOf(recalled, id, print)
      if ('head' in found) return lead(found, request, {})
      if (found.fingerprint !== print) throw otherBody()
      if (found.answer === null) throw spent(found.requestId)
      admitAgain(engine, config, recalled)
      return replay(exchange, found.answer, { signal: request.signal, clock, headers: AGAIN, inRhythm: false })
    }
  }
}

function otherBody(): GatewayError {
  return new GatewayError('idempotency_conflict', {
    message: 'This idempotency key was used for another request in the last 24 hours.',
  })
}

function running(requestId: string): GatewayError {
  return new GatewayError('idempotency_conflict', {
    message: `The request ${requestId} with this idempotency key is still running, and has answered too much to begin again.`,
  })
}

function spent(requestId: string): GatewayError {
  return new GatewayError('idempotency_conflict', {
    message: `The request ${requestId} had this idempotency key. It was charged, and its answer is not kept: it broke off, was too large, or the gateway ended meanwhile.`,
  })
}
