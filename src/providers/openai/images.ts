// Images of an OpenAI-compatible host: what a whole answer and its events say about themselves.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, stringOf } from '../../core/json-read.ts'
import { NO_USAGE, usageSum } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import { SILENT } from '../wire.ts'
import type { AnswerFacts, EventReader, NativeWire } from '../wire.ts'
import { readJsonAnswer } from './answer.ts'
import { openaiFormBody } from './form.ts'
import { openaiUrl } from './request.ts'
import { readMediaEvent } from './events.ts'

/** Words and pictures go in, pictures come out; what is billed by the picture is counted beside its tokens. */
function usageOfImages(raw: JsonObject | null, images: number): Usage {
  if (raw === null) return { ...NO_USAGE, images, requests: 1 }
  const input = numberOf(raw, 'input_tokens') ?? 0
  const imageIn = Math.min(input, numberOf(objectOf(raw, 'input_tokens_details') ?? {}, 'image_tokens') ?? 0)
  const output = numberOf(raw, 'output_tokens') ?? 0
  const text = Math.min(output, numberOf(objectOf(raw, 'output_tokens_details') ?? {}, 'text_tokens') ?? 0)
  return { ...NO_USAGE, input: input - imageIn, imageIn, output: text, imageOut: output - text, images, requests: 1 }
}

function readImagesAnswer(text: string): AnswerFacts {
  return readJsonAnswer(text, (body) => {
    const data = Array.isArray(body['data']) ? body['data'] : []
    const raw = objectOf(body, 'usage')
    return {
      usage: usageOfImages(raw, data.length),
      rawUsage: raw === null ? null : JSON.stringify(raw),
      problem: data.length === 0 ? 'the answer holds no images' : null,
    }
  })
}

/** Each picture that is complete has an event of its own, and each tells what it alone has used. */
function imagesEventReader(): EventReader {
  let usage: Usage | null = null
  return (data) =>
    readMediaEvent(data, (event, type) => {
      if (type.endsWith('.partial_image')) return { ...SILENT, meaningful: true }
      if (!type.endsWith('.completed')) return SILENT
      const raw = isObject(event['usage']) ? event['usage'] : null
      const own = usageOfImages(raw, 1)
      usage = usage === null ? own : usageSum(usage, own)
      return {
        ...SILENT,
        meaningful: true,
        // How many more come is not known: the end of the bytes ends the stream.
        finishReason: stringOf(event, 'finish_reason') ?? 'stop',
        usage: { ...usage, requests: 1 },
        rawUsage: raw === null ? null : JSON.stringify(raw),
      }
    })
}

export const imagesNative: NativeWire = {
  url: openaiUrl,
  body: openaiFormBody,
  readAnswer: readImagesAnswer,
  eventReader: imagesEventReader,
  endsWithFinish: true,
  streamsAtWill: true,
}
