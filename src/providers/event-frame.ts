// Events that differ from an earlier one in a text only, recognised without being read again.
//
// Nearly all events of a stream are the same to the byte but for the few characters that a model has just produced, and all
// that the gateway wants to know of these is how many they are. A frame is what stands before and after the text in such an
// event. What is in the frame, and has a sound JSON string for its text, says what the earlier event said, with another
// number of characters: a parser could not tell them apart otherwise. Everything else is read as ever.
//
// The frame is found by trial, so that nothing has to be known of a wire: the reader is asked what it makes of the event with
// other texts in the place of each of its strings. The one of which it counts the characters, and says nothing else, is the text.
import { readEvents } from './sse.ts'
import type { EventFacts, EventReader } from './wire.ts'

/** What stands before and after the text, the quotes of its string included: one behind the other, since both are looked at together. */
export type EventFrame = { readonly edges: Uint8Array; readonly beforeBytes: number }

const QUOTE = 34
const BACKSLASH = 92
const FIRST_PRINTABLE = 32
const MAX_BYTES = 4 * 1024
const MAX_TRIALS = 4
/** Of two lengths: one of them may be that of the text by chance. */
const TRIALS = ['????????????????????????', '?']
/** A string, and whether it is the name of a member. */
const STRINGS = /"((?:[^"\\]|\\.)*)"(\s*:)?/g
/** What may stand behind a backslash and is one character with it. `\u` may not: four digits would have to be looked at for it. */
const SHORT_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'))

/** The frame of an event that says nothing but so many characters; null: there is none. `event`: all bytes of one event. */
export function frameOf(event: Uint8Array, characters: number, readEvent: EventReader): EventFrame | null {
  if (event.length > MAX_BYTES) return null
  const text = Buffer.from(event.buffer, event.byteOffset, event.byteLength).toString('latin1')
  let trials = 0
  for (const { 1: inside = '', 2: isName, index } of text.matchAll(STRINGS)) {
    if (isName !== undefined || inside.length < characters) continue
    const before = text.slice(0, index + 1)
    const after = text.slice(index + 1 + inside.length)
    const frame = { edges: new Uint8Array(Buffer.from(before + after, 'latin1')), beforeBytes: before.length }
    if (charactersIn(frame, event) !== characters) continue
    if (TRIALS.every((trial) => isCounted(before + trial + after, trial.length, readEvent))) return frame
    if (++trials === MAX_TRIALS) return null
  }
  return null
}

/** Characters of the text of an event, of which a byte is one as in `EventReader`; -1: it is not in the frame. */
export function charactersIn({ edges, beforeBytes }: EventFrame, event: Uint8Array): number {
  const textBytes = event.length - edges.length
  if (textBytes < 0) return -1
  for (let at = 0; at < beforeBytes; at++) if (event[at] !== edges[at]) return -1
  for (let at = beforeBytes; at < edges.length; at++) if (event[textBytes + at] !== edges[at]) return -1
  const end = beforeBytes + textBytes
  let characters = 0
  for (let at = beforeBytes; at < end; at++) {
    const code = event[at]!
    if (code === BACKSLASH) {
      // The last one would take the quote away that ends the string.
      if (++at === end || !SHORT_ESCAPES.has(event[at]!)) return -1
    } else if (code === QUOTE || code < FIRST_PRINTABLE) return -1
    characters++
  }
  return characters
}

/** Whether it is all that an event says. */
export function saysNothingElse({ finishReason, usage, usageOnly, terminal, error }: EventFacts): boolean {
  return finishReason === null && usage === null && !usageOnly && !terminal && error === null
}

function isCounted(text: string, characters: number, readEvent: EventReader): boolean {
  const events = readEvents(Buffer.from(text, 'latin1'))
  const [event] = events
  if (event === undefined || events.length > 1 || event.end !== text.length) return false
  const facts = readEvent(event.data)
  return facts.outputCharacters === characters && saysNothingElse(facts)
}
