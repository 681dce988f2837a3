// Follows marked streams and checks each event of them to the byte.
import type { Connection } from './http-client.ts'
import { checkEvent, closingStart, nowMicros, type StreamAsked } from './wire.ts'

export type Checked = {
  /** Events that came, whatever they were. */
  events: number
  /** Events that were not the next one of their stream, or not to the byte. */
  wrong: number
  /** Events of the measured time that shared a write with one before them. */
  merged: number
  /** Streams that came to their last event. */
  ended: number
  readonly delaysMs: number[]
}

/** Checks one stream to its end. Never rejects: what is wrong is counted. */
export function follow(
  connection: Connection,
  request: Uint8Array,
  asked: StreamAsked,
  checked: Checked,
  measuring: { readonly on: boolean },
  opened: () => void,
  refused: (error: Error) => void,
): Promise<void> {
  return new Promise((done) => {
    let index = 0
    let kept = ''
    let inFrame = 0
    const take = (event: string, atMicros: number) => {
      let sentMicros = checkEvent(asked, index, event)
      // Told to finish, the upstream leaves the rest of the content out.
      if (sentMicros === undefined && index > 1 && index < closingStart(asked)) {
        sentMicros = checkEvent(asked, closingStart(asked), event)
        if (sentMicros === null) index = closingStart(asked)
      }
      if (sentMicros === undefined) checked.wrong++
      else if (sentMicros !== null && measuring.on) checked.delaysMs.push((atMicros - sentMicros) / 1000)
      checked.events++
      index++
      if (++inFrame > 1 && measuring.on) checked.merged++
      if (index === 2) opened()
    }
    connection.send(request, {
      head: (status) => {
        if (status !== 200) refused(new Error(`a stream was answered with ${status}`))
      },
      body: (bytes, frameEnd) => {
        const atMicros = nowMicros()
        kept += bytes.toString('latin1')
        for (let end = kept.indexOf('\n\n'); end !== -1; end = kept.indexOf('\n\n')) {
          take(kept.slice(0, end + 2), atMicros)
          kept = kept.slice(end + 2)
        }
        if (frameEnd) inFrame = 0
      },
      end: () => {
        if (index === asked.events && kept === '') checked.ended++
        done()
      },
      failed: (error) => {
        refused(error)
        done()
      },
    })
  })
}
