// Another request's answer to a client: one that is kept, or one that is still coming. It costs nothing, its books say
// what it saved, and its client sees the end only when they do.
import type { ClosingSignal } from '../core/closing-signal.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/error.ts'
import type { KeptAnswer } from '../core/kept-answer.ts'
import type { NanoUsd } from '../core/money.ts'
import { formatUsd } from '../core/money.ts'
import type { Exchange } from '../exchange.ts'
import { piecesFrom } from '../core/reply.ts'
import type { Reply } from '../core/reply.ts'
import { headersOf } from '../http/relay.ts'
import { pause } from '../routing/pause.ts'
import type { SharedPiece, StreamReader } from '../cache/shared-stream.ts'
import type { Head, Run } from './shared-run.ts'

type Again = {
  readonly signal: ClosingSignal
  readonly clock: Clock
  /** Headers of this answer beside those that every answer has. */
  readonly headers: Readonly<Record<string, string>>
}

/** Gaps of a stream are kept, but nobody waits longer than this for what is there. */
const LONGEST_GAP_MS = 5_000

/** An answer that is kept. */
export function replay(
  exchange: Exchange,
  kept: KeptAnswer,
  again: Again & { readonly inRhythm: boolean },
): Promise<Reply> | Reply {
  note(exchange, kept.target, kept.costNanoUsd)
  const { status, isStream, headers, target } = kept
  const ended = { status, error: null }
  const source: Source = { status, headers, target, saved: () => kept.costNanoUsd, ended: () => ended }
  if (!isStream) return whole(exchange, source, Buffer.concat(kept.pieces.map(({ bytes }) => bytes)), again)
  return stream(exchange, source, keptPieces(kept, again), () => {}, again)
}

/** The answer of a run that somebody else began; `reader`: of its stream, null where it is whole. */
export function follow(
  exchange: Exchange,
  run: Run,
  { head, reader }: { readonly head: Head; readonly reader: StreamReader | null },
  again: Again,
): Promise<Reply> | Reply {
  const target = run.exchange.target?.id ?? ''
  const saved = (): NanoUsd => run.exchange.costNanoUsd ?? 0n
  const { status } = head
  const ended = (): End => run.exchange.ending ?? { status, error: null }
  const source: Source = { status, headers: keptHeaders(head.headers), target, saved, ended }
  if (head.body.type === 'whole') {
    note(exchange, target, saved())
    return whole(exchange, source, head.body.bytes, again)
  }
  if (reader === null) throw new Error('a stream has a reader')
  note(exchange, target, 0n)
  return stream(
    exchange,
    source,
    () => reader.next(),
    () => reader.leave(),
    again,
  )
}

type Source = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly target: string
  /** Asked at its end. */
  readonly saved: () => NanoUsd
  readonly ended: () => End
}

type End = { readonly status: number; readonly error: GatewayError | null }

/** Headers that are a part of an answer, whoever gets it. */
export function keptHeaders(headers: Reply['headers']): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {}
  for (const name of ['content-type', 'x-weir-warnings']) {
    const value = headers[name]
    if (value !== undefined) kept[name] = value
  }
  return kept
}

function note(exchange: Exchange, target: string, savedNanoUsd: NanoUsd): void {
  exchange.recalled = { target, savedNanoUsd }
  exchange.target = { id: `cache/${target}`, provider: 'cache', model: target }
}

async function whole(exchange: Exchange, source: Source, bytes: Uint8Array, again: Again): Promise<Reply> {
  await exchange.close({ status: source.status, error: null, entryStatus: 'cached', produced: null })
  const headers = { ...headersFor(exchange, source, again), 'x-weir-cost-usd': formatUsd(0n) }
  return { status: source.status, headers, body: { type: 'whole', bytes } }
}

function stream(
  exchange: Exchange,
  source: Source,
  next: () => Promise<SharedPiece | null>,
  leave: () => void,
  again: Again,
): Reply {
  const { signal, clock } = again
  const over = (): Promise<void> => {
    note(exchange, source.target, source.saved())
    const { status, error } = source.ended()
    return exchange.close({ status, error, entryStatus: 'cached', produced: null })
  }
  const left = (): Promise<void> => {
    leave()
    const error = new GatewayError('client_closed')
    return exchange.close({ status: error.status, error, entryStatus: 'cached', produced: null })
  }
  // A generator that never ran does not run its `finally`.
  const onAbort = (): void => void left().catch(() => undefined)
  if (signal.aborted) onAbort()
  else {
    signal.addEventListener('abort', onAbort, { once: true })
    exchange.whenClosing(() => signal.removeEventListener('abort', onAbort))
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const piece = await next()
        if (piece === null || signal.aborted) return
        exchange.ttftMs ??= clock.monotonicMs() - exchange.startedMs
        if (piece.last) await over()
        yield piece.bytes
        if (piece.last) return
      }
    } finally {
      if (!exchange.isClosed) await left()
      leave()
    }
  }
  const headers = { ...headersFor(exchange, source, again), 'cache-control': 'no-cache', 'x-accel-buffering': 'no' }
  return { status: source.status, headers, body: { type: 'stream', pieces: piecesFrom(pieces()) } }
}

function headersFor(exchange: Exchange, { headers, target }: Source, again: Again): Record<string, string> {
  const own = headersOf(exchange, { headers: new Headers(), warnings: [] }, { id: target })
  return { ...own, ...headers, ...again.headers }
}

function keptPieces(
  { pieces }: KeptAnswer,
  { inRhythm, signal, clock }: Again & { readonly inRhythm: boolean },
): () => Promise<SharedPiece | null> {
  if (!inRhythm) {
    let isGiven = false
    return async () => {
      if (isGiven) return null
      isGiven = true
      return { bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)), last: true }
    }
  }
  let index = 0
  return async () => {
    const piece = pieces[index]
    if (piece === undefined) return null
    index++
    if (piece.gapMs > 0) await pause(Math.min(piece.gapMs, LONGEST_GAP_MS), signal, clock)
    return { bytes: piece.bytes, last: index === pieces.length }
  }
}
