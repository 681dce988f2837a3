// The events of a stream in Anthropic's format, as many and as large as those of wire.ts in OpenAI's.
import type { StreamAsked } from './wire.ts'

const event = (type: string, data: string): string => `event: ${type}\ndata: {"type":"${type}"${data}}\n\n`

const HEAD = [
  event(
    'message_start',
    `,"message":{"id":"msg_benchbenchbenchbenchbenchben","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":24,"output_tokens":1}}`,
  ),
  event('content_block_start', `,"index":0,"content_block":{"type":"text","text":""}`),
]
const CONTENT = event('content_block_delta', `,"index":0,"delta":{"type":"text_delta","text":" word"}`)
const TAIL = [
  event('content_block_stop', `,"index":0`),
  event('message_delta', `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":128}`),
  event('message_stop', ''),
]

/** The event number `index` of a stream, counted from 0. */
export function anthropicEventText({ events }: StreamAsked, index: number): string {
  return HEAD[index] ?? TAIL[index - (events - TAIL.length)] ?? CONTENT
}
