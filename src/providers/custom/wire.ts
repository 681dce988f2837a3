// An API of somebody's own, described in the configuration: one wire for each way in which its streams are cut.
import type { Deployment } from '../../core/model.ts'
import { fillText } from '../../core/template.ts'
import type { ChatCodec } from '../chat-codec.ts'
import type { FramingKind } from '../framing.ts'
import type { Wire } from '../wire.ts'
import { readCustomAnswer } from './chat-answer.ts'
import { customStreamReader } from './chat-events.ts'
import { customFormatOf, writeCustomRequest } from './chat-request.ts'

const codec: ChatCodec = {
  id: 'custom',
  writeRequest: writeCustomRequest,
  readAnswer: readCustomAnswer,
  streamReader: customStreamReader,
}

function customUrl({ provider, model }: Deployment, stream: boolean): string {
  const format = customFormatOf(provider)
  const path = stream ? (format.stream?.path ?? format.path) : format.path
  return provider.baseUrl + fillText(path, { model }, encodeURIComponent)
}

function wireWith(id: string, framing: FramingKind): Wire {
  return {
    id,
    native: {},
    chat: { codec, url: customUrl, methodOf: (provider) => customFormatOf(provider).method, framing },
  }
}

export const customWire = wireWith('custom', 'sse')
export const customLinesWire = wireWith('custom-lines', 'json-lines')
export const customWholeWire = wireWith('custom-whole', 'whole')
