// The normal form of images: words, and pictures to go from, in; pictures out.
import type { JsonObject } from './json.ts'
import { NO_USAGE, usageSum } from './usage.ts'
import type { Usage } from './usage.ts'

export type InputImage = { readonly bytes: Uint8Array; readonly mediaType: string }
export type ImageSize = { readonly width: number; readonly height: number }

export type ImagesRequest = {
  readonly action: 'generate' | 'edit' | 'vary'
  /** Empty where a picture is only varied. */
  readonly prompt: string
  readonly images: readonly InputImage[]
  readonly hasMask: boolean
  readonly count: number
  /** Null: the model chooses. */
  readonly size: ImageSize | null
  /** In OpenAI's words; null: the model's own. */
  readonly quality: string | null
  readonly format: 'png' | 'jpeg' | 'webp' | null
  /** How the caller wants each picture; null: as the provider gives it. */
  readonly as: 'base64' | 'url' | null
  readonly seed: number | null
  readonly negativePrompt: string | null
}

export type MadeImage =
  | { readonly type: 'base64'; readonly data: string; readonly mediaType: string }
  | { readonly type: 'url'; readonly url: string }

export type ImagesAnswer = {
  readonly images: readonly MadeImage[]
  readonly usage: Usage | null
  /** The provider's own usage object. */
  readonly rawUsage: JsonObject | null
}

/** The ratio of a list that is nearest to a size, such as `16:9`. */
export function nearestRatio({ width, height }: ImageSize, ratios: readonly string[]): string {
  const sought = Math.log(width / height)
  const distance = (ratio: string): number => {
    const [across = 1, down = 1] = ratio.split(':').map(Number)
    return Math.abs(Math.log(across / down) - sought)
  }
  return ratios.reduce((best, ratio) => (distance(ratio) < distance(best) ? ratio : best), ratios[0] ?? '1:1')
}

/** A picture by its address, which may hold the picture itself (`data:image/png;base64,…`). */
export function imageAt(url: string): MadeImage {
  const match = /^data:(image\/[\w.+-]+);base64,/.exec(url)
  return match?.[1] === undefined
    ? { type: 'url', url }
    : { type: 'base64', data: url.slice(match[0].length), mediaType: match[1] }
}

/** The request in parts of at most so many pictures; a seed goes on, so that no two parts give the same. */
export function splitCount(request: ImagesRequest, most: number): readonly ImagesRequest[] {
  const { count, seed } = request
  if (count <= most) return [request]
  return Array.from({ length: Math.ceil(count / most) }, (_, index) => ({
    ...request,
    count: Math.min(most, count - index * most),
    seed: seed === null ? null : seed + index,
  }))
}

/** The pictures of all parts; their usage is the sum, where all of them tell it. */
export function joinImages(answers: readonly ImagesAnswer[]): ImagesAnswer {
  let usage: Usage | null = NO_USAGE
  for (const answer of answers) usage = usage === null || answer.usage === null ? null : usageSum(usage, answer.usage)
  return { images: answers.flatMap(({ images }) => images), usage, rawUsage: null }
}
