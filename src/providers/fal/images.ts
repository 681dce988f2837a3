// Pictures of fal's models, waited for in one request. https://docs.fal.ai/model-apis/model-endpoints/synchronous-requests
import { ProblemError } from '../../core/chat-answer.ts'
import { imageAt } from '../../core/images.ts'
import { objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import { jsonAnswer, pathOfModel, picturesUsage } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'

export const falImagesWire: OperationWire<'images'> = {
  serves: ({ model }) => pathOfModel(model) !== null,
  writeRequest(request, { provider, model }) {
    const [image] = request.images
    const { size } = request
    return {
      url: `${provider.baseUrl}/${pathOfModel(model) ?? ''}`,
      body: {
        prompt: request.prompt,
        num_images: request.count,
        ...(size === null ? {} : { image_size: { width: size.width, height: size.height } }),
        ...(request.format === null ? {} : { output_format: request.format }),
        ...(request.seed === null ? {} : { seed: request.seed }),
        ...(request.negativePrompt === null ? {} : { negative_prompt: request.negativePrompt }),
        // The pictures themselves come back, as data URLs.
        ...(request.as === 'base64' ? { sync_mode: true } : {}),
        ...(image === undefined
          ? {}
          : { image_url: `data:${image.mediaType};base64,${Buffer.from(image.bytes).toString('base64')}` }),
      },
      warnings: request.quality === null ? [] : ['`quality` is left out.'],
      refusals: [
        ...(request.hasMask ? ['A mask has no common name among fal’s models.'] : []),
        ...(request.action === 'vary' ? ['fal’s models vary no picture without words: use an edit.'] : []),
        ...(request.images.length > 1 ? ['fal’s models start from one picture.'] : []),
      ],
    }
  },
  readAnswer(answer) {
    const body = jsonAnswer(answer)
    const single = objectOf(body, 'image')
    const urls = [...objectsOf(body, 'images'), ...(single === null ? [] : [single])].flatMap(
      (one) => stringOf(one, 'url') ?? [],
    )
    if (urls.length === 0) throw new ProblemError('the answer holds no images')
    return { images: urls.map((url) => imageAt(url)), usage: picturesUsage(urls.length), rawUsage: null }
  },
}
