// Pictures of Google's models: Gemini's by generateContent, Imagen's as predictions.
// https://ai.google.dev/gemini-api/docs/image-generation and https://ai.google.dev/gemini-api/docs/imagen
import { ProblemError } from '../../core/chat-answer.ts'
import { joinImages, nearestRatio, splitCount } from '../../core/images.ts'
import type { ImagesAnswer, ImagesRequest, MadeImage } from '../../core/images.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { Deployment } from '../../core/model.ts'
import { jsonAnswer, picturesUsage } from '../operation-wire.ts'
import type { OperationWire, WrittenOperation } from '../operation-wire.ts'
import { geminiChatUrl, geminiUrl } from './request.ts'
import { usageOfGemini } from './usage.ts'

const IMAGEN = /^(?:models\/)?imagen-/
const DRAWS = /image/
/** As many as Imagen makes in one request; Gemini makes one. */
const IMAGEN_PICTURES = 4
const IMAGEN_RATIOS = ['1:1', '3:4', '4:3', '9:16', '16:9'] as const
const GEMINI_RATIOS = ['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'] as const

export const geminiImagesWire: OperationWire<'images'> = {
  split: (request, { model }) => splitCount(request, IMAGEN.test(model) ? IMAGEN_PICTURES : 1),
  join: joinImages,
  serves: ({ model }) => IMAGEN.test(model) || DRAWS.test(model),
  writeRequest: (request, deployment) =>
    IMAGEN.test(deployment.model) ? writePrediction(request, deployment) : writeGeneration(request, deployment),
  readAnswer(answer) {
    const body = jsonAnswer(answer)
    return Array.isArray(body['predictions']) || body['candidates'] === undefined
      ? readPredictions(body)
      : readCandidates(body)
  },
}

function writePrediction(request: ImagesRequest, deployment: Deployment): WrittenOperation {
  const { prompt, count, size, format, seed, negativePrompt } = request
  return {
    url: geminiUrl(deployment, 'predict'),
    body: {
      instances: [{ prompt }],
      parameters: {
        sampleCount: count,
        ...(size === null ? {} : { aspectRatio: nearestRatio(size, IMAGEN_RATIOS) }),
        ...(format === null ? {} : { outputOptions: { mimeType: `image/${format}` } }),
        // A seed is taken only where no watermark is put in.
        ...(seed === null ? {} : { seed, addWatermark: false }),
        ...(negativePrompt === null ? {} : { negativePrompt }),
      },
    },
    warnings: sizeWarnings(request),
    refusals: [
      ...(request.images.length > 0 ? ['Imagen starts from words alone here.'] : []),
      ...(format === 'webp' ? ['Imagen makes png and jpeg, and no webp.'] : []),
    ],
  }
}

function writeGeneration(request: ImagesRequest, deployment: Deployment): WrittenOperation {
  const { prompt, images, size, seed } = request
  return {
    url: geminiChatUrl(deployment, false),
    body: {
      contents: [
        {
          role: 'user',
          parts: [
            ...images.map(({ bytes, mediaType }) => ({
              inlineData: { mimeType: mediaType, data: Buffer.from(bytes).toString('base64') },
            })),
            ...(prompt === '' ? [] : [{ text: prompt }]),
          ],
        },
      ],
      generationConfig: {
        responseModalities: ['TEXT', 'IMAGE'],
        ...(size === null ? {} : { imageConfig: { aspectRatio: nearestRatio(size, GEMINI_RATIOS) } }),
        ...(seed === null ? {} : { seed }),
      },
    },
    warnings: [
      ...sizeWarnings(request),
      ...(request.format === null ? [] : ['`output_format` is left out: Gemini chooses it.']),
      ...(request.negativePrompt === null ? [] : ['`negative_prompt` is left out.']),
    ],
    refusals: [
      ...(request.hasMask ? ['Gemini takes no mask.'] : []),
      ...(request.action === 'vary' ? ['Gemini varies no picture without words: use an edit.'] : []),
    ],
  }
}

function sizeWarnings({ size, quality }: ImagesRequest): readonly string[] {
  return [
    ...(size === null ? [] : ['Of `size` the ratio counts: the model has its own number of pixels.']),
    ...(quality === null ? [] : ['`quality` is left out.']),
  ]
}

function readPredictions(body: JsonObject): ImagesAnswer {
  const predictions = objectsOf(body, 'predictions')
  const images = predictions.flatMap((one): readonly MadeImage[] => {
    const data = stringOf(one, 'bytesBase64Encoded')
    return data === null ? [] : [{ type: 'base64', data, mediaType: stringOf(one, 'mimeType') ?? 'image/png' }]
  })
  if (images.length === 0) {
    const reason = predictions.map((one) => stringOf(one, 'raiFilteredReason')).find((one) => one !== null)
    throw new ProblemError(reason ?? 'the answer holds no images')
  }
  return { images, usage: picturesUsage(images.length), rawUsage: null }
}

function readCandidates(body: JsonObject): ImagesAnswer {
  const [candidate] = objectsOf(body, 'candidates')
  const content = candidate === undefined ? null : objectOf(candidate, 'content')
  const images = objectsOf(content ?? {}, 'parts').flatMap((part): readonly MadeImage[] => {
    const inline = objectOf(part, 'inlineData')
    const data = inline === null ? null : stringOf(inline, 'data')
    if (inline === null || data === null) return []
    return [{ type: 'base64', data, mediaType: stringOf(inline, 'mimeType') ?? 'image/png' }]
  })
  if (images.length === 0) {
    const reason = candidate === undefined ? null : stringOf(candidate, 'finishReason')
    throw new ProblemError(`the answer holds no images${reason === null ? '' : ` (${reason})`}`)
  }
  const raw = objectOf(body, 'usageMetadata')
  const usage = raw === null ? null : usageOfGemini(raw)
  return {
    images,
    usage: usage === null ? picturesUsage(images.length) : { ...usage, images: images.length },
    rawUsage: raw,
  }
}
