// The events of a continuation, made to follow those that the caller has seen: no second start, its text in the text that
// is open, its blocks numbered on, its thoughts left out (the caller has had thoughts already).
import type { BlockDelta, ChatEvent } from '../core/chat-events.ts'
import { textSeam } from './seam.ts'
import type { SeamKind } from './seam.ts'
import type { Transcript } from './transcript.ts'
import type { Joint } from './translated.ts'

const NONE: readonly ChatEvent[] = []

/** Where a block of the continuation goes: into the open text, to a number of its own, or nowhere. */
type Place = 'text' | 'dropped' | number

export function jointTo(transcript: Transcript, kind: SeamKind): Joint {
  const places = new Map<number, Place>()
  const seam = textSeam(transcript.text, kind)

  /** Notes what the caller sees. */
  function seen(events: readonly ChatEvent[]): readonly ChatEvent[] {
    for (const event of events) transcript.push(event)
    return events
  }

  function textEvents(text: string): readonly ChatEvent[] {
    if (text === '') return NONE
    const events: ChatEvent[] = []
    if (transcript.open?.type === 'reasoning') events.push(...closed())
    if (transcript.open === null) events.push(...opened())
    const block = transcript.open?.block ?? 0
    return [...events, ...seen([{ type: 'block_delta', choice: 0, block, delta: { type: 'text', text } }])]
  }

  function opened(): readonly ChatEvent[] {
    return seen([{ type: 'block_start', choice: 0, block: transcript.blocks, part: { type: 'text', text: '' } }])
  }

  function closed(): readonly ChatEvent[] {
    const { open } = transcript
    return open === null ? NONE : seen([{ type: 'block_end', choice: 0, block: open.block }])
  }

  function started(event: Extract<ChatEvent, { type: 'block_start' }>): readonly ChatEvent[] {
    const { part } = event
    if (part.type === 'reasoning') {
      places.set(event.block, 'dropped')
      return NONE
    }
    if (part.type === 'text') {
      places.set(event.block, 'text')
      return textEvents(seam.push(part.text))
    }
    const before = [...textEvents(seam.flush()), ...closed()]
    places.set(event.block, transcript.blocks)
    return [...before, ...seen([{ ...event, block: transcript.blocks }])]
  }

  function grown(event: Extract<ChatEvent, { type: 'block_delta' }>, delta: BlockDelta): readonly ChatEvent[] {
    const place = places.get(event.block)
    if (place === undefined || place === 'dropped') return NONE
    if (place !== 'text') return seen([{ ...event, block: place }])
    // A citation counts characters of a text that it does not know: it is left out.
    return delta.type === 'text' ? textEvents(seam.push(delta.text)) : NONE
  }

  return {
    writer: transcript.writer,
    pass(event) {
      switch (event.type) {
        case 'start':
          return NONE
        case 'block_start':
          return started(event)
        case 'block_delta':
          return grown(event, event.delta)
        case 'block_end': {
          const place = places.get(event.block)
          // The text may go on in a later block; it is closed when something else begins.
          return typeof place === 'number' ? seen([{ ...event, block: place }]) : NONE
        }
        case 'finish':
          return [...textEvents(seam.flush()), ...closed(), ...seen([event])]
        case 'logprobs':
        case 'usage':
        case 'facts':
        case 'ping':
        case 'error':
        case 'end':
          return [event]
      }
    },
  }
}
