// What one answer consumed, in disjoint buckets whatever the provider's habit of counting.

/**
 * Units of one answer. Buckets do not overlap: a cached input token is in `cacheRead` and not in `input`.
 * `reasoning` tokens are not in `output`; an engine that bills them alike adds the two.
 */
export type Usage = {
  readonly input: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly output: number
  readonly reasoning: number
  readonly audioIn: number
  readonly audioOut: number
  readonly imageIn: number
  readonly imageOut: number
  readonly video: number
  /** Pictures that were made, for models that are billed by the picture; `imageIn` and `imageOut` are tokens. */
  readonly images: number
  readonly characters: number
  readonly seconds: number
  readonly requests: number
  readonly searches: number
}

export type UsageUnit = keyof Usage

/** What nearly every answer consumes. Written out, because a copy of another usage costs several times as much. */
export function textUsage(input: number, output: number, requests: number): Usage {
  return {
    input,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output,
    reasoning: 0,
    audioIn: 0,
    audioOut: 0,
    imageIn: 0,
    imageOut: 0,
    video: 0,
    images: 0,
    characters: 0,
    seconds: 0,
    requests,
    searches: 0,
  }
}

export const NO_USAGE: Usage = textUsage(0, 0, 0)

/** As reports and stores write them. */
export const UNIT_NAMES = {
  input: 'input',
  cacheRead: 'cache_read',
  cacheWrite5m: 'cache_write_5m',
  cacheWrite1h: 'cache_write_1h',
  output: 'output',
  reasoning: 'reasoning',
  audioIn: 'audio_in',
  audioOut: 'audio_out',
  imageIn: 'image_in',
  imageOut: 'image_out',
  video: 'video',
  images: 'images',
  characters: 'characters',
  seconds: 'seconds',
  // Beside a column of the requests themselves.
  requests: 'request_units',
  searches: 'searches',
} as const satisfies Record<UsageUnit, string>

export const USAGE_UNITS = Object.keys(NO_USAGE) as readonly UsageUnit[]

/** `reported`: the provider's own numbers. `estimated`: counted from text, where it gave none (aborts, cuts, silent hosts). */
export type UsageSource = 'reported' | 'estimated'

/** All tokens that went in, cached or not. */
export function inputTokens(usage: Usage): number {
  return (
    usage.input +
    usage.cacheRead +
    usage.cacheWrite5m +
    usage.cacheWrite1h +
    usage.audioIn +
    usage.imageIn +
    usage.video
  )
}

/** All tokens that came out, reasoning included. */
export function outputTokens(usage: Usage): number {
  return usage.output + usage.reasoning + usage.audioOut + usage.imageOut
}

/** Two answers together, unit by unit. */
export function usageSum(one: Usage, other: Usage): Usage {
  const sum: { -readonly [unit in UsageUnit]: number } = { ...one }
  for (const unit of USAGE_UNITS) sum[unit] += other[unit]
  return sum
}
