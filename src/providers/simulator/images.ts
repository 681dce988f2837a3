// POST …/images/generations, …/edits and …/variations: small PNG pictures of water below a sky, the same for the same request.
import { crc32, deflateSync } from 'node:zlib'
import { type JsonObject, missing, readBoolean, readEnum, readInteger, readModel, readString } from './check.ts'
import { requiredFile, type SimulatedForm } from './form.ts'
import { type Random, randomOf } from './random.ts'
import { countTokens } from './tokens.ts'
import type { Reading } from './work.ts'
import { invalid } from './wire-error.ts'

const MAX_SIDE = 2_048
const DEFAULT_SIDE = 1_024
/** Tokens of a picture that goes in, and of a megapixel that comes out. */
const TOKENS_PER_INPUT = 323
const TOKENS_PER_PIXEL = 1_056 / 1_048_576

export function readGeneration(body: JsonObject): Reading {
  return reading(body, requiredPrompt(body), 0, 'image_generation')
}

export function readEdit(body: JsonObject, form: SimulatedForm): Reading {
  if (!Array.isArray(body['images'])) requiredFile(form.files, 'image')
  const inputs = Array.isArray(body['images']) ? body['images'].length : form.files.length
  return reading(body, requiredPrompt(body), inputs, 'image_edit')
}

export function readVariation(body: JsonObject, form: SimulatedForm): Reading {
  requiredFile(form.files, 'image')
  return reading(body, '', 1, 'image_variation')
}

function requiredPrompt(body: JsonObject): string {
  const prompt = readString(body, 'prompt')
  if (prompt === null) throw missing('prompt')
  return prompt
}

function reading(body: JsonObject, prompt: string, inputs: number, kind: string): Reading {
  const model = readModel(body)
  const count = readInteger(body, 'n', { min: 1, max: 10 }) ?? 1
  const asAddress = readEnum(body, 'response_format', ['url', 'b64_json']) === 'url'
  const stream = readBoolean(body, 'stream') === true
  const partials = readInteger(body, 'partial_images', { min: 0, max: 3 }) ?? 0
  const { width, height } = sizeOf(readString(body, 'size'))
  const promptTokens = countTokens(prompt)
  const usageOf = (pictures: number) => {
    const output = Math.ceil(width * height * TOKENS_PER_PIXEL) * pictures
    const input = promptTokens + inputs * TOKENS_PER_INPUT
    return {
      input_tokens: input,
      input_tokens_details: { text_tokens: promptTokens, image_tokens: inputs * TOKENS_PER_INPUT },
      output_tokens: output,
      total_tokens: input + output,
    }
  }
  const facts = { size: `${width}x${height}`, quality: 'low', background: 'opaque', output_format: 'png' }
  return {
    model,
    stream,
    promptTokens,
    question: prompt,
    answer: ({ createdS }, _model, _script, seeds) => {
      const pictures = Array.from({ length: count }, (_, index) =>
        pictureOf(width, height, randomOf(...seeds, index)).toString('base64'),
      )
      const tokens = usageOf(count).output_tokens / 16
      if (!stream) {
        const data = pictures.map((b64) => (asAddress ? { url: `data:image/png;base64,${b64}` } : { b64_json: b64 }))
        return {
          stream,
          body: JSON.stringify({ created: createdS, data, ...facts, usage: usageOf(count) }),
          events: null,
          tokens,
        }
      }
      const event = (type: string, more: object): string =>
        `event: ${type}\ndata: ${JSON.stringify({ type, created_at: createdS, ...facts, ...more })}\n\n`
      const steps = pictures.map((b64) => [
        ...Array.from({ length: partials }, (_, index) =>
          event(`${kind}.partial_image`, { b64_json: b64, partial_image_index: index }),
        ),
        event(`${kind}.completed`, { b64_json: b64, usage: usageOf(1) }),
      ])
      return { stream, body: '', events: { opening: [], steps, closing: [] }, tokens: count }
    },
  }
}

function sizeOf(size: string | null): { readonly width: number; readonly height: number } {
  if (size === null || size === 'auto') return { width: DEFAULT_SIDE, height: DEFAULT_SIDE }
  const match = /^(\d{2,4})x(\d{2,4})$/.exec(size)
  const width = Number(match?.[1] ?? 0)
  const height = Number(match?.[2] ?? 0)
  if (width < 16 || height < 16 || width > MAX_SIDE || height > MAX_SIDE)
    throw invalid('size', 'invalid_value', `Invalid value: '${size}'. Sides are 16 to ${MAX_SIDE} pixels.`)
  return { width, height }
}

/** A PNG of two colours, one bit for each pixel. https://www.w3.org/TR/png-3/ */
function pictureOf(width: number, height: number, random: Random): Buffer {
  const stride = Math.ceil(width / 8) + 1
  const rows = Buffer.alloc(stride * height)
  const surface = height * (0.3 + random() * 0.4)
  const wave = height * (0.02 + random() * 0.06)
  const length = width / (1 + Math.floor(random() * 4))
  for (let byte = 0; byte < stride - 1; byte++) {
    // Eight pixels go up and down together: nobody looks that closely.
    const top = Math.round(surface + Math.sin((byte * 8 * 2 * Math.PI) / length) * wave)
    for (let y = Math.max(0, top); y < height; y++) rows[y * stride + 1 + byte] = 0xff
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([1, 3, 0, 0, 0], 8)
  const colour = (): number => Math.floor(random() * 256)
  const palette = Buffer.from([200, 220 - colour() / 8, 255, colour() / 4, colour() / 3, 120 + colour() / 2])
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('PLTE', palette),
    chunk('IDAT', deflateSync(rows, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}
