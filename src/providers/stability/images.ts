// Stability's pictures: a form goes in, one picture comes out. https://platform.stability.ai/docs/api-reference
import { ProblemError } from '../../core/chat-answer.ts'
import { writeForm } from '../../core/form.ts'
import type { FormPart } from '../../core/form.ts'
import { joinImages, nearestRatio, splitCount } from '../../core/images.ts'
import type { ImagesRequest } from '../../core/images.ts'
import { stringOf } from '../../core/json-read.ts'
import { jsonAnswer, picturesUsage } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

export const STABILITY_RATIOS = ['16:9', '1:1', '21:9', '2:3', '3:2', '4:5', '5:4', '9:16', '9:21'] as const
/** How far the answer may go from the picture that it starts with: 0 not at all, 1 as if there were none. */
const STRENGTH = '0.7'

export const stabilityImagesWire: OperationWire<'images'> = {
  split: (request) => splitCount(request, 1),
  join: joinImages,
  writeRequest(request, { provider, model }) {
    // `core` and `ultra` are endpoints of their own; the others are models of one.
    const endpoint = /^(?:stable-image-)?(core|ultra)$/.exec(model)?.[1]
    const [image] = request.images
    const field = (name: string, value: string | null | undefined): readonly FormPart[] =>
      value === null || value === undefined ? [] : [{ type: 'text', name, value }]
    return {
      url: `${provider.baseUrl}/v2beta/stable-image/generate/${endpoint ?? 'sd3'}`,
      headers: { accept: 'application/json' },
      body: writeForm([
        ...field('prompt', request.prompt),
        ...field('model', endpoint === undefined ? model : null),
        ...field('negative_prompt', request.negativePrompt),
        ...field('output_format', request.format ?? 'png'),
        ...field('seed', request.seed === null ? null : String(request.seed)),
        ...(image === undefined
          ? field('aspect_ratio', request.size === null ? null : nearestRatio(request.size, STABILITY_RATIOS))
          : [
              ...field('mode', endpoint === undefined ? 'image-to-image' : null),
              ...field('strength', STRENGTH),
              { type: 'file' as const, name: 'image', filename: 'image', ...image },
            ]),
      ]),
      warnings: stabilityWarnings(request),
      refusals: [
        ...stabilityRefusals(request),
        ...(image !== undefined && endpoint === 'core' ? ['This model starts from words alone.'] : []),
      ],
    }
  },
  readAnswer(answer) {
    const body = jsonAnswer(answer)
    const data = stringOf(body, 'image')
    if (data === null) throw new ProblemError(stringOf(body, 'finish_reason') ?? 'the answer holds no image')
    return { images: [{ type: 'base64', data, mediaType: 'image/png' }], usage: picturesUsage(1), rawUsage: null }
  },
}

/** What cannot be said to Stability's models, wherever they run. */
export function stabilityRefusals(request: ImagesRequest): readonly string[] {
  return [
    ...(request.hasMask ? ['Stability’s models take no mask.'] : []),
    ...(request.action === 'vary' ? ['Stability’s models vary no picture without words: use an edit.'] : []),
    ...(request.images.length > 1 ? ['Stability’s models start from one picture.'] : []),
  ]
}

export function stabilityWarnings(request: ImagesRequest): readonly string[] {
  return [
    ...(request.quality === null ? [] : ['`quality` is left out.']),
    ...(request.size === null ? [] : ['Of `size` the ratio counts: the model has its own number of pixels.']),
  ]
}
