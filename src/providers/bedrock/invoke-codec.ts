// Claude through Bedrock's InvokeModel: Anthropic's own bodies and events in AWS's envelope.
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
import type { Call } from '../../core/call.ts'
import type { ChatRequest } from '../../core/chat.ts'
import { parseObject, stringOf } from '../../core/json-read.ts'
import { readAnthropicAnswer } from '../anthropic/chat-answer.ts'
import { anthropicStreamReader } from '../anthropic/chat-events.ts'
import { writeAnthropicRequest } from '../anthropic/chat-request.ts'
import { bodyElsewhere, callElsewhere, placesElsewhere } from '../anthropic/elsewhere.ts'
import { EXCEPTION } from '../chat-codec.ts'
import type { ChatCodec, Reading, StreamReader, WriteContext, WrittenRequest } from '../chat-codec.ts'

const VERSION = 'bedrock-2023-05-31'

/** The model is in the address, the stream too, and the tier is in a header. */
const NOT_IN_BODY = ['model', 'stream', 'service_tier'] as const

/** The caller's own body as this API takes it, for the native lane. */
export function invokeBody(call: Call, ownFields: readonly string[]): string {
  return callElsewhere(call, { version: VERSION, ownFields, leftOut: NOT_IN_BODY, betas: 'body' })
}

export const bedrockInvokeCodec: ChatCodec = {
  id: 'bedrock-invoke',
  writeRequest,
  readAnswer: readAnthropicAnswer,
  streamReader: invokeStreamReader,
}

function writeRequest(request: ChatRequest, context: WriteContext): WrittenRequest {
  const written = writeAnthropicRequest(request, context)
  const { service_tier: tier } = written.body
  return {
    ...written,
    body: bodyElsewhere(written.body, VERSION, NOT_IN_BODY),
    ...(tier === undefined || tier === 'auto' ? {} : { headers: { 'x-amzn-bedrock-service-tier': 'default' } }),
    refusals: [...written.refusals, ...placesElsewhere(request), ...searchesElsewhere(request)],
  }
}

/** Amazon runs none of Anthropic's tools. */
function searchesElsewhere({ tools }: ChatRequest): readonly string[] {
  return tools.some((tool) => tool.type === 'hosted' && tool.search !== undefined)
    ? ['This provider cannot search the web.']
    : []
}

/** Events are `chunk`s, each with one event of Anthropic's in base64. */
function invokeStreamReader(reading?: Reading): StreamReader {
  const inner = anthropicStreamReader(reading)
  return {
    read(type, data) {
      const envelope = parseObject(data)
      if (type.startsWith(EXCEPTION)) {
        const code = type.slice(EXCEPTION.length)
        // By its own reader, which then knows that the stream is over.
        const message = (envelope === null ? null : stringOf(envelope, 'message')) ?? code
        return inner.read('error', JSON.stringify({ type: 'error', error: { type: code, message } }))
      }
      const bytes = envelope === null ? null : stringOf(envelope, 'bytes')
      if (type !== 'chunk' || bytes === null) return []
      return inner.read('', Buffer.from(bytes, 'base64').toString('utf8'))
    },
    end: () => inner.end(),
  }
}
