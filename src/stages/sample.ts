// sample: after the answer, what to learn from it; never on the way of a caller.
//
// A chat request that somebody wants to learn from (`SampleConsumer.wants`) is marked when its route is known. What goes to
// its client is copied on the way (`AnswerCopy`), and when its entry is durable, request and copy wait in a queue. A timer
// takes them from there, reads them into the normal form and hands them out, for at most `lab.cpu_share` of the time. The
// queue is bounded in count and bytes; what finds no room is counted and forgotten. A crash forgets what waits. Where nobody wants
// anything a request pays for one question.
import type { ClientRequest } from '../core/client-request.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Trial } from '../core/experiment.ts'
import type { LabConfig } from '../config/schema-lab.ts'
import type { Exchange } from '../exchange.ts'
import { routingOptionsOf } from '../http/option-headers.ts'
import { AnswerCopy } from '../lab/answer-copy.ts'
import type { SampleConsumer } from '../lab/answered.ts'
import { promptModeOf } from '../lab/privacy.ts'
import type { Logger } from '../metrics/log.ts'
import { watchedStream } from '../providers/answer-stream.ts'
import type { AnswerStream } from '../providers/answer-stream.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Engine } from './engine.ts'
import { answeredOf, type ReadingTools, type Sample } from './sample-reading.ts'
import type { KeyWithTeam } from '../store/store.ts'

/** Why a request was not looked at. */
type DropReason = 'no_room' | 'not_booked' | 'not_readable'

type SampleCounts = {
  readonly waiting: number
  readonly heldBytes: number
  readonly seen: number
  readonly dropped: Readonly<Record<DropReason, number>>
}

export interface Sampler {
  /** From now on this consumer is asked; returns how it leaves. */
  join(consumer: SampleConsumer): () => void
  /** Whether anybody wants to learn from a request. */
  wants(route: string, caller: KeyWithTeam, trial: Trial | null): boolean
  /** Null: there is no room, and it is counted as dropped. */
  copy(): AnswerCopy | null
  /** Takes a request whose entry is durable. */
  offer(sample: Sample): void
  /** A request that was to be looked at is not; `reason` null: there is nothing to learn from it. */
  drop(sample: Sample, reason: DropReason | null): void
  counts(): SampleCounts
  /** Resolves when nothing waits, and everything that was handed out is looked at. */
  settled(): Promise<void>
  stop(): void
}

export type SamplerTools = ReadingTools & {
  readonly clock: Clock
  readonly log: Logger
  /** Asked each time: a reload may change it. */
  readonly bounds: () => LabConfig
}

/** How long one go may take, and the least pause before the next: callers' work comes in between. */
const GO_MS = 2
const PAUSE_MS = 5

export function createSampler(tools: SamplerTools): Sampler {
  const { clock, log, bounds } = tools
  const consumers: SampleConsumer[] = []
  const waiting: Sample[] = []
  const dropped: Record<DropReason, number> = { no_room: 0, not_booked: 0, not_readable: 0 }
  let heldBytes = 0
  let seen = 0
  let cancel: (() => void) | null = null
  let isGoing = false
  let isStopped = false
  let empty = Promise.withResolvers<void>()

  function hold(bytes: number): boolean {
    if (heldBytes + bytes > bounds().maxWaitingSizeBytes) return false
    heldBytes += bytes
    return true
  }

  function free({ copy, call }: Sample, isQueued: boolean): void {
    heldBytes -= copy.heldBytes + (isQueued ? call.text.length : 0)
  }

  function drop(sample: Sample, reason: DropReason | null): void {
    if (reason !== null) dropped[reason]++
    free(sample, false)
  }

  function schedule(delayMs: number): void {
    if (!isGoing)
      cancel ??= clock.after(delayMs, () => {
        cancel = null
        void go()
      })
  }

  async function go(): Promise<void> {
    isGoing = true
    const startMs = clock.monotonicMs()
    let tookMs = 0
    while (tookMs < GO_MS) {
      const sample = waiting.shift()
      if (sample === undefined) break
      free(sample, true)
      // Most is done at once; what a consumer does in a moment counts as well.
      const taking = handOut(sample)
      if (taking.length > 0) await Promise.all(taking)
      tookMs = clock.monotonicMs() - startMs
    }
    isGoing = false
    if (waiting.length > 0) return schedule(Math.max(PAUSE_MS, tookMs / bounds().cpuShare - tookMs))
    empty.resolve()
    empty = Promise.withResolvers<void>()
  }

  /** What consumers have not ended yet; none of it rejects. */
  function handOut(sample: Sample): readonly Promise<void>[] {
    const answered = answeredOf(sample, tools)
    if (answered === null) {
      dropped.not_readable++
      return []
    }
    seen++
    const taking: Promise<void>[] = []
    for (const { name, wants, take } of consumers) {
      const failed = (error: unknown): void =>
        log.error('lab_failed', { consumer: name, request: answered.requestId, error: String(error) })
      try {
        const taken = wants(answered.route, answered.caller, answered.trial) ? take(answered) : undefined
        if (taken !== undefined) taking.push(taken.catch(failed))
      } catch (error) {
        failed(error)
      }
    }
    return taking
  }

  return {
    join(consumer) {
      consumers.push(consumer)
      return () => {
        const at = consumers.indexOf(consumer)
        if (at >= 0) consumers.splice(at, 1)
      }
    },
    wants(route, caller, trial) {
      for (const consumer of consumers) if (consumer.wants(route, caller, trial)) return true
      return false
    },
    copy() {
      const { maxWaiting, maxWaitingSizeBytes, maxAnswerSizeBytes } = bounds()
      if (!isStopped && waiting.length < maxWaiting && heldBytes < maxWaitingSizeBytes)
        return new AnswerCopy(maxAnswerSizeBytes, hold)
      dropped.no_room++
      return null
    },
    offer(sample) {
      if (isStopped || waiting.length >= bounds().maxWaiting || !hold(sample.call.text.length))
        return drop(sample, 'no_room')
      waiting.push(sample)
      schedule(PAUSE_MS)
    },
    drop,
    counts: () => ({ waiting: waiting.length, heldBytes, seen, dropped: { ...dropped } }),
    settled: () => (waiting.length === 0 && !isGoing ? Promise.resolve() : empty.promise),
    stop() {
      isStopped = true
      cancel?.()
      cancel = null
      for (const sample of waiting.splice(0)) {
        dropped.no_room++
        free(sample, true)
      }
      empty.resolve()
    },
  }
}

/** Marks a request for the lab, if anybody wants to learn from it; its route is known. */
export type SampleStage = (exchange: Exchange, request: ClientRequest, call: Call, caller: KeyWithTeam) => void

export function sampleStage({ sampler, clock }: Pick<Engine, 'sampler' | 'clock'>, { config }: Snapshot): SampleStage {
  const { noStoreTags } = config.cache

  // Apart: a function that closes over something makes an object for it at every call.
  function mark(...[exchange, request, call, caller]: Parameters<SampleStage>): void {
    if (exchange.answerCopy !== null || caller.key.metadata['lab'] === 'off') return
    const copy = sampler.copy()
    if (copy === null) return
    exchange.answerCopy = copy
    const options = routingOptionsOf(request.headers, call.facts.options.routing)
    const isNoStore =
      call.body['store'] === false ||
      (request.headers.get('cache-control') ?? '').includes('no-store') ||
      exchange.tags.some((tag) => noStoreTags.includes(tag))
    const sample: Sample = {
      exchange,
      call,
      caller,
      copy,
      declared: options?.task ?? null,
      session: options?.session ?? null,
      isNoStore,
      promptMode: isNoStore ? 'off' : promptModeOf(caller, config.prompts.keep),
      durationMs: 0,
    }
    exchange.whenClosing(() => {
      sample.durationMs = clock.monotonicMs() - exchange.startedMs
      // It is being closed: that its entry is durable can be waited for a moment later.
      queueMicrotask(() => whenBooked(sampler, sample))
    })
  }

  return (exchange, request, call, caller) => {
    if (exchange.entrance.dialect.translator !== undefined && sampler.wants(exchange.route, caller, exchange.trial))
      mark(exchange, request, call, caller)
  }
}

function whenBooked(sampler: Sampler, sample: Sample): void {
  const { exchange } = sample
  const { ending, recalled } = exchange
  // Another request's answer tells nothing new.
  if (ending === null || recalled !== null) return sampler.drop(sample, null)
  exchange.close(ending).then(
    () => sampler.offer(sample),
    () => sampler.drop(sample, 'not_booked'),
  )
}

/** The stream, copied as it passes. */
export function copiedStream(stream: AnswerStream, copy: AnswerCopy): AnswerStream {
  copy.isStream = true
  return watchedStream(stream, ({ bytes }) => copy.take(bytes))
}
