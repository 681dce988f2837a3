// OpenAI's Responses as a wire: spoken by OpenAI, Azure, xAI and whoever serves the open form of it.
import type { Call } from '../../core/call.ts'
import type { Deployment } from '../../core/model.ts'
import type { ChatWire, NativeWire, Wire } from '../wire.ts'
import { openaiBatchesOf } from './batch-jobs.ts'
import { responsesCodec } from './responses-codec.ts'
import { readResponsesEvent, readResponsesFacts } from './responses-native.ts'

/** Where the host serves Responses; null when it does not: only a host whose quirks say so does. */
export function responsesUrl({ provider }: Deployment): string | null {
  const { baseUrl, quirks } = provider
  const isStated = quirks.responses === 'served' || quirks.responses === 'only'
  const path = quirks.paths?.responses ?? (isStated ? '/responses' : null)
  if (path === null || quirks.responses === 'none') return null
  return `${baseUrl}${path}${quirks.query === undefined ? '' : `?${quirks.query}`}`
}

/** The body that leaves: model renamed, our own fields gone; every other byte is the caller's. */
function responsesBody(call: Call, { model }: Deployment, ownFields: readonly string[]): string {
  const edits: Record<string, string | null> = {}
  if (call.body['model'] !== model) edits['model'] = JSON.stringify(model)
  for (const field of ownFields) if (call.members.has(field)) edits[field] = null
  return call.members.edited(edits)
}

export const responsesNative: NativeWire = {
  url: (_call, deployment) => responsesUrl(deployment),
  body: responsesBody,
  readAnswer: (text) => readResponsesFacts(text),
  // Its events are read without a memory of those before.
  eventReader: () => readResponsesEvent,
  // A finish reason comes with the terminal event and never before it.
  endsWithFinish: false,
}

const responsesChat: ChatWire = {
  codec: responsesCodec,
  url: (deployment) => responsesUrl(deployment),
  fetches: ({ kind }, { mediaUrls }) => mediaUrls !== false && (kind === 'image' || kind === 'file'),
  framing: 'sse',
}

/** For models that a host serves nowhere else: chats of other dialects become Responses. */
export const openaiResponsesWire: Wire = {
  id: 'openai-responses',
  batches: openaiBatchesOf,
  native: { 'openai-responses': responsesNative },
  chat: responsesChat,
}
