// When each part of an answer comes, and what a fault makes of it: pure schedules, played by `paced-stream.ts`.
import type { Fault } from './faults.ts'
import { ERROR_FAULTS } from './wire-error.ts'

/** A streamed answer as events in order. One step is what one token's time brings: a piece for each choice. */
export type StreamedAnswer = {
  readonly opening: readonly string[]
  readonly steps: readonly (readonly string[])[]
  readonly closing: readonly string[]
}

/** One part of a body. `atMs` counts from the arrival of the request; `stall`: nothing more until the caller gives up. */
export type TimedPart =
  | { readonly atMs: number; readonly text: string }
  | { readonly atMs: number; readonly bytes: Uint8Array }
  | { readonly stall: true }
  /** The connection breaks. */
  | { readonly broken: true }

export type Timing = { readonly ttftMs: number; readonly gapMs: number }

const SLOW_START_FACTOR = 10
const TRICKLE_GAP_MS = 2000
const TRICKLE_LENGTH = 16
const GARBAGE = '{"id":"chatcmpl-\u0000\ufffd","object":'

/** The timing under a fault: some only slow an answer down. */
export function timingUnder(fault: Fault | null, { ttftMs, gapMs }: Timing): Timing {
  if (fault === 'slow_start') return { ttftMs: ttftMs * SLOW_START_FACTOR, gapMs }
  if (fault === 'trickle') return { ttftMs, gapMs: Math.max(gapMs, TRICKLE_GAP_MS) }
  return { ttftMs, gapMs }
}

export function sse(data: string): string {
  return `data: ${data}\n\n`
}

const ERROR_EVENT = JSON.stringify({ error: { ...omitStatus(ERROR_FAULTS.error_500), param: null } })

/** The events of a streamed answer with their times. */
export function* playStream(
  answer: StreamedAnswer,
  { ttftMs, gapMs }: Timing,
  fault: Fault | null,
): Generator<TimedPart> {
  if (fault === 'stall_before_first') {
    yield { stall: true }
    return
  }
  if (fault === 'error_in_200') {
    yield { atMs: ttftMs, text: sse(ERROR_EVENT) }
    return
  }
  for (const text of answer.opening) {
    yield { atMs: ttftMs, text }
    if (fault !== 'error_after_first_event') continue
    yield { atMs: ttftMs, text: sse(ERROR_EVENT) }
    return
  }
  const middle = Math.ceil(answer.steps.length / 2)
  for (const [index, step] of answer.steps.entries()) {
    if (index === middle || answer.steps.length === 1) {
      if (fault === 'stall_midstream') yield { stall: true }
      if (fault === 'cut' || fault === 'stall_midstream') return
      if (fault === 'garbage_chunk') yield { atMs: ttftMs + index * gapMs, text: sse(GARBAGE) }
    }
    for (const text of step) yield { atMs: ttftMs + index * gapMs, text }
  }
  // An answer without a single step has no middle; it must not pass for a good one.
  if (answer.steps.length === 0 && fault === 'stall_midstream') yield { stall: true }
  if (answer.steps.length === 0 && (fault === 'cut' || fault === 'stall_midstream')) return
  const atMs = endMs({ ttftMs, gapMs }, answer.steps.length)
  for (const text of answer.closing) yield { atMs, text }
}

/** When the last token of an answer is there. */
export function endMs({ ttftMs, gapMs }: Timing, tokens: number): number {
  return ttftMs + Math.max(0, tokens - 1) * gapMs
}

/** The parts of a whole answer with their times: one, unless a fault breaks it up. */
export function* playWhole(body: string, atMs: number, fault: Fault | null): Generator<TimedPart> {
  const middle = Math.floor(body.length / 2)
  if (fault === 'stall_midstream' || fault === 'cut') {
    yield { atMs, text: body.slice(0, middle) }
    if (fault === 'stall_midstream') yield { stall: true }
  } else if (fault === 'trickle') {
    for (let start = 0; start < body.length; start += TRICKLE_LENGTH)
      yield { atMs: atMs + (start / TRICKLE_LENGTH) * TRICKLE_GAP_MS, text: body.slice(start, start + TRICKLE_LENGTH) }
  } else if (fault === 'garbage_chunk') yield { atMs, text: body.slice(0, middle) + GARBAGE + body.slice(middle) }
  else if (fault === 'error_in_200' || fault === 'error_after_first_event') yield { atMs, text: ERROR_EVENT }
  else yield { atMs, text: body }
}

/** The parts of an answer of bytes with their times. Their end tells nothing of itself: what is cut is broken off. */
export function* playBytes(
  pieces: readonly Uint8Array[],
  { ttftMs, gapMs }: Timing,
  fault: Fault | null,
): Generator<TimedPart> {
  if (fault === 'stall_before_first') yield { stall: true }
  const middle = Math.ceil(pieces.length / 2)
  for (const [index, bytes] of pieces.entries()) {
    if (index === middle || pieces.length === 1) {
      if (fault === 'stall_midstream') yield { stall: true }
      if (fault === 'cut' || fault === 'error_after_first_event') yield { broken: true }
    }
    yield { atMs: ttftMs + index * gapMs, bytes }
  }
}

function omitStatus({ message, type, code }: (typeof ERROR_FAULTS)['error_500']) {
  return { message, type, code }
}
