// OpenAI's images in the translated lane.
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { filesOf } from '../core/form.ts'
import type { BytesBody, UploadedPart } from '../core/form.ts'
import type { ImagesAnswer, ImageSize, ImagesRequest, InputImage, MadeImage } from '../core/images.ts'
import type { JsonObject } from '../core/json.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'
import type { OperationTranslator, ReadOperation } from './operation-translator.ts'
import { optionalString, optionalWrittenBoolean, optionalWrittenCount } from './read-fields.ts'
import type { AnswerContext } from './translator.ts'

const MAX_SIDE = 8_192

export function imagesTranslator(action: ImagesRequest['action']): OperationTranslator<'images'> {
  return {
    operation: 'images',
    readRequest: (call) => readRequest(call, action),
    writeAnswer: (answer, call, context) => writeAnswer(answer, call, context, action),
  }
}

function readRequest({ body, form = [] }: Call, action: ImagesRequest['action']): ReadOperation<'images'> {
  const format = choice(body, 'output_format', ['png', 'jpeg', 'webp'])
  const wanted = choice(body, 'response_format', ['url', 'b64_json'])
  const isStream = optionalWrittenBoolean(body, 'stream')
  return {
    request: {
      action,
      prompt: optionalString(body, 'prompt') ?? '',
      images: action === 'generate' ? [] : imagesIn(body, filesOf(form, 'image')),
      hasMask: filesOf(form, 'mask').length > 0 || (body['mask'] ?? null) !== null,
      count: optionalWrittenCount(body, 'n') ?? 1,
      size: sizeOf(optionalString(body, 'size')),
      quality: settled(optionalString(body, 'quality')),
      format,
      // An event holds the picture itself.
      as: isStream || wanted === 'b64_json' ? 'base64' : wanted,
      seed: optionalWrittenCount(body, 'seed'),
      negativePrompt: optionalString(body, 'negative_prompt'),
    },
    warnings: ['background', 'style', 'output_compression', 'moderation', 'input_fidelity'].flatMap((name) =>
      settled(body[name]) === null ? [] : [`\`${name}\` is left out.`],
    ),
  }
}

function settled<T>(value: T): T | null {
  return value === undefined || value === 'auto' ? null : value
}

function choice<T extends string>(body: JsonObject, name: string, words: readonly T[]): T | null {
  const value = optionalString(body, name)
  const found = words.find((word) => word === value)
  if (value === null || found !== undefined) return found ?? null
  throw malformed(`\`${name}\` must be one of ${words.join(', ')}.`, name)
}

function sizeOf(text: string | null): ImageSize | null {
  if (text === null || text === 'auto') return null
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text)
  const size = { width: Number(match?.[1] ?? 0), height: Number(match?.[2] ?? 0) }
  const isPossible = [size.width, size.height].every((side) => side >= 1 && side <= MAX_SIDE)
  if (!isPossible) throw malformed('`size` must be `auto` or a width and a height such as `1024x1024`.', 'size')
  return size
}

function imagesIn(body: JsonObject, files: readonly UploadedPart[]): readonly InputImage[] {
  if (files.length > 0) return files.map(({ bytes, mediaType }) => ({ bytes, mediaType }))
  const named = Array.isArray(body['images']) ? (body['images'] as readonly JsonObject[]) : []
  return named.map(({ image_url: url }, index) => {
    const match = typeof url === 'string' ? /^data:(image\/[\w.+-]+);base64,/.exec(url) : null
    if (typeof url === 'string' && match?.[1] !== undefined)
      return { bytes: Buffer.from(url.slice(match[0].length), 'base64'), mediaType: match[1] }
    throw new GatewayError('unsupported', {
      message: `\`images[${index}]\` must hold the picture itself, as a data URL or a file of a form, for this target.`,
      param: `images[${index}]`,
    })
  })
}

function malformed(message: string, param: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function writeAnswer(
  { images, usage }: ImagesAnswer,
  { body }: Call,
  { created }: AnswerContext,
  action: ImagesRequest['action'],
): JsonObject | BytesBody {
  const counted = usage === null || inputTokens(usage) + outputTokens(usage) === 0 ? {} : { usage: usageOf(usage) }
  if (!optionalWrittenBoolean(body, 'stream'))
    return { created, data: images.map((image) => written(image, body['response_format'] === 'url')), ...counted }
  const type = action === 'edit' ? 'image_edit.completed' : 'image_generation.completed'
  const text = images.map((image, index) => {
    // The usage is that of all, told once.
    const told = index === images.length - 1 ? counted : {}
    return `event: ${type}\ndata: ${JSON.stringify({ type, created_at: created, ...written(image, false), ...told })}\n\n`
  })
  return { bytes: new TextEncoder().encode(text.join('')), contentType: 'text/event-stream; charset=utf-8' }
}

function written(image: MadeImage, asAddress: boolean): JsonObject {
  if (image.type === 'url') return { url: image.url }
  return asAddress ? { url: `data:${image.mediaType};base64,${image.data}` } : { b64_json: image.data }
}

function usageOf(usage: Usage): JsonObject {
  const input = inputTokens(usage)
  const output = outputTokens(usage)
  return {
    input_tokens: input,
    input_tokens_details: { text_tokens: input - usage.imageIn, image_tokens: usage.imageIn },
    output_tokens: output,
    total_tokens: input + output,
  }
}
