// A native stream that is also read, event by event, for what the caller has seen of it. Its bytes stay as they are.
import { MAX_EVENT_BYTES, watchedStream } from '../providers/answer-stream.ts'
import type { AnswerStream } from '../providers/answer-stream.ts'
import { createFraming } from '../providers/framing.ts'
import type { ChatWire } from '../providers/wire.ts'
import type { Transcript } from './transcript.ts'

export function listenedTo(
  stream: AnswerStream,
  { codec, framing: kind }: ChatWire,
  transcript: Transcript,
): AnswerStream {
  const framing = createFraming(kind, MAX_EVENT_BYTES)
  const reader = codec.streamReader()

  function listen(bytes: Uint8Array): void {
    for (const { type, data } of framing.push(bytes)?.events ?? [])
      for (const event of reader.read(type, data)) {
        transcript.push(event)
        // Nobody gets this: the writer has to know how far the caller is, in case it has to go on from there.
        transcript.writer.write(event)
      }
  }

  return watchedStream(stream, ({ bytes }) => {
    if (bytes.length > 0) listen(bytes)
  })
}
