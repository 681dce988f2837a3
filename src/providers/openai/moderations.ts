// Moderations of an OpenAI-compatible host.
import { listOf } from '../../core/json-read.ts'
import { NO_USAGE } from '../../core/usage.ts'
import { SILENT } from '../wire.ts'
import type { NativeWire } from '../wire.ts'
import { readJsonAnswer } from './answer.ts'
import { openaiBody, openaiUrl } from './request.ts'
import { usageOfOpenai } from './usage.ts'
import { isObject } from '../../core/json.ts'

export const moderationsNative: NativeWire = {
  // Without a verdict an answer would read as if nothing were flagged.
  url: (call, deployment) => (deployment.provider.quirks.bareModerations === true ? null : openaiUrl(call, deployment)),
  body: openaiBody,
  readAnswer: (text) =>
    readJsonAnswer(text, (body) => {
      // OpenAI counts nothing, Mistral its tokens.
      const raw = isObject(body['usage']) ? body['usage'] : null
      return {
        usage: raw === null ? { ...NO_USAGE, requests: 1 } : usageOfOpenai(raw),
        rawUsage: raw === null ? null : JSON.stringify(raw),
        problem: listOf(body, 'results').length === 0 ? 'the answer holds no results' : null,
      }
    }),
  eventReader: () => () => SILENT,
  endsWithFinish: false,
}
