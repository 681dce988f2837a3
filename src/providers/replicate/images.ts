// Pictures of Replicate's models, waited for in one request, and looked at until they are done. https://replicate.com/docs/reference/http#models.predictions.create
import { ProblemError } from '../../core/chat-answer.ts'
import { imageAt, nearestRatio } from '../../core/images.ts'
import { stringOf } from '../../core/json-read.ts'
import { jobUrl, jsonAnswer, pathOfModel, picturesUsage, pollWaitMs } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

const RATIOS = ['1:1', '16:9', '21:9', '3:2', '2:3', '4:5', '5:4', '3:4', '4:3', '9:16', '9:21'] as const

export const replicateImagesWire: OperationWire<'images'> = {
  serves: ({ model }) => pathOfModel(model) !== null,
  writeRequest(request, { provider, model }) {
    const [image] = request.images
    const { format } = request
    return {
      url: `${provider.baseUrl}/models/${pathOfModel(model) ?? ''}/predictions`,
      headers: { prefer: 'wait' },
      body: {
        input: {
          prompt: request.prompt,
          ...(request.size === null ? {} : { aspect_ratio: nearestRatio(request.size, RATIOS) }),
          ...(request.count === 1 ? {} : { num_outputs: request.count }),
          ...(format === null ? {} : { output_format: format === 'jpeg' ? 'jpg' : format }),
          ...(request.seed === null ? {} : { seed: request.seed }),
          ...(request.negativePrompt === null ? {} : { negative_prompt: request.negativePrompt }),
          ...(image === undefined
            ? {}
            : { image: `data:${image.mediaType};base64,${Buffer.from(image.bytes).toString('base64')}` }),
        },
      },
      warnings: [
        ...(request.quality === null ? [] : ['`quality` is left out.']),
        ...(request.size === null ? [] : ['Of `size` the ratio counts: the model has its own number of pixels.']),
      ],
      refusals: [
        ...(request.as === 'base64'
          ? ['Replicate answers with addresses of pictures: leave `response_format` and `stream` out.']
          : []),
        ...(request.hasMask ? ['A mask has no common name among Replicate’s models.'] : []),
        ...(request.action === 'vary' ? ['Replicate’s models vary no picture without words: use an edit.'] : []),
        ...(request.images.length > 1 ? ['Replicate’s models start from one picture.'] : []),
      ],
    }
  },
  // The first answer waits for a minute at most.
  next(answer, _, { provider }, asked) {
    const body = jsonAnswer(answer)
    const status = stringOf(body, 'status')
    if (status !== 'starting' && status !== 'processing') return null
    return {
      method: 'GET',
      url: jobUrl(`${provider.baseUrl}/predictions`, body),
      body: null,
      waitMs: pollWaitMs(asked),
    }
  },
  readAnswer(answer) {
    const body = jsonAnswer(answer)
    const { output } = body
    const urls = (Array.isArray(output) ? output : [output]).filter((one) => typeof one === 'string')
    if (urls.length > 0)
      return { images: urls.map((url) => imageAt(url)), usage: picturesUsage(urls.length), rawUsage: null }
    throw new ProblemError(stringOf(body, 'error') ?? 'the answer holds no images')
  },
}
