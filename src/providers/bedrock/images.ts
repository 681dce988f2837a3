// Pictures on Bedrock, by InvokeModel in each maker's own format: Amazon's Nova Canvas and Titan, and Stability's.
// https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html and …/model-parameters-diffusion-3-5-large.html
import { ProblemError } from '../../core/chat-answer.ts'
import { joinImages, nearestRatio, splitCount } from '../../core/images.ts'
import type { ImagesRequest } from '../../core/images.ts'
import type { JsonObject } from '../../core/json.ts'
import { listOf, stringOf } from '../../core/json-read.ts'
import type { Deployment } from '../../core/model.ts'
import { jsonAnswer, picturesUsage } from '../operation-wire.ts'
import type { OperationWire, WrittenOperation } from '../operation-wire.ts'
import { STABILITY_RATIOS, stabilityRefusals, stabilityWarnings } from '../stability/images.ts'
import { bedrockUrl } from './request.ts'

const STABILITY = /stability\./
/** As many as Amazon's models make in one request; Stability's make one. */
const AMAZON_PICTURES = 5
const AMAZON = /nova-canvas|titan-image/

export const bedrockImagesWire: OperationWire<'images'> = {
  split: (request, { model }) => splitCount(request, STABILITY.test(model) ? 1 : AMAZON_PICTURES),
  join: joinImages,
  serves: ({ model }) => STABILITY.test(model) || AMAZON.test(model),
  writeRequest: (request, deployment) =>
    STABILITY.test(deployment.model) ? writeStability(request, deployment) : writeAmazon(request, deployment),
  readAnswer(answer) {
    const body = jsonAnswer(answer)
    const images = listOf(body, 'images').filter((one) => typeof one === 'string')
    if (images.length === 0) {
      const reason = listOf(body, 'finish_reasons').find((one) => typeof one === 'string')
      throw new ProblemError(
        stringOf(body, 'error') ?? reason ?? stringOf(body, 'status') ?? 'the answer holds no images',
      )
    }
    return {
      images: images.map((data) => ({ type: 'base64', data, mediaType: 'image/png' })),
      usage: picturesUsage(images.length),
      rawUsage: null,
    }
  },
}

function writeAmazon(request: ImagesRequest, deployment: Deployment): WrittenOperation {
  const { prompt, size, quality, seed } = request
  const pictures = request.images.map(({ bytes }) => Buffer.from(bytes).toString('base64'))
  const negative = request.negativePrompt === null ? {} : { negativeText: request.negativePrompt }
  const text = prompt === '' ? {} : { text: prompt }
  const task: JsonObject =
    request.action === 'generate'
      ? { taskType: 'TEXT_IMAGE', textToImageParams: { ...text, ...negative } }
      : { taskType: 'IMAGE_VARIATION', imageVariationParams: { images: pictures, ...text, ...negative } }
  return {
    url: bedrockUrl(deployment, 'invoke', false),
    body: {
      ...task,
      imageGenerationConfig: {
        numberOfImages: request.count,
        ...(size === null ? {} : { width: size.width, height: size.height }),
        ...(quality === null ? {} : { quality: quality === 'hd' || quality === 'high' ? 'premium' : 'standard' }),
        ...(seed === null ? {} : { seed }),
      },
    },
    warnings:
      request.format === null || request.format === 'png'
        ? []
        : ['The picture is a png, whatever `output_format` says.'],
    refusals: request.hasMask ? ['Masks of transparency are not taken by this model.'] : [],
  }
}

function writeStability(request: ImagesRequest, deployment: Deployment): WrittenOperation {
  const { prompt, size, format, seed, negativePrompt } = request
  return {
    url: bedrockUrl(deployment, 'invoke', false),
    body: {
      prompt,
      ...(size === null ? {} : { aspect_ratio: nearestRatio(size, STABILITY_RATIOS) }),
      ...(format === null ? {} : { output_format: format }),
      ...(seed === null ? {} : { seed }),
      ...(negativePrompt === null ? {} : { negative_prompt: negativePrompt }),
    },
    warnings: stabilityWarnings(request),
    refusals: [
      ...stabilityRefusals(request),
      ...(request.images.length > 0 ? ['Stability’s models start from words alone on Bedrock.'] : []),
    ],
  }
}
