// What Gemini models take, by the version in their names. A model without one is taken for a new one.
//
// Facts as of 2026: budgets of thoughts up to 2.5, levels since 3; thinking cannot be switched off in the Pro models and
// since 3; `minimal` only in the Flash models up to 3.6, `medium` not in 3 Pro; structured output beside functions, media
// in the results of functions, and signatures that must be there since 3.
// https://ai.google.dev/gemini-api/docs/thinking

export type Thinking =
  | { readonly type: 'none' }
  /** `min`: the smallest budget; `canBeOff`: 0 is taken, too. */
  | { readonly type: 'budget'; readonly min: number; readonly max: number; readonly canBeOff: boolean }
  | { readonly type: 'level'; readonly minimal: boolean; readonly medium: boolean }

export type ModelAbilities = {
  readonly thinking: Thinking
  /** Functions and structured output in one request. */
  readonly toolsWithSchema: boolean
  /** Pictures and documents inside of the result of a function. */
  readonly mediaInResults: boolean
  /** The first call of each step must carry a signature. */
  readonly needsSignatures: boolean
  /** Google's search and functions in one request. */
  readonly searchBesideTools: boolean
  /** Each search is billed; before, each answer that searched. */
  readonly searchesBilledEach: boolean
}

const NEWEST = 99

/** Version as a number: 2.5, 3, 3.1. Models that are not Gemini's (Gemma, tuned ones) have none. */
function versionOf(model: string): number | null {
  const match = /gemini-(\d+)(?:\.(\d+))?/.exec(model)
  if (match === null) return model.includes('gemini') ? NEWEST : null
  return Number(match[1]) + Number(match[2] ?? 0) / 10
}

export function abilitiesOf(model: string): ModelAbilities {
  const version = versionOf(model) ?? 0
  const isNew = version >= 3
  return {
    thinking: thinkingOf(version, model),
    toolsWithSchema: isNew,
    mediaInResults: isNew,
    needsSignatures: isNew,
    searchBesideTools: isNew,
    searchesBilledEach: isNew,
  }
}

function thinkingOf(version: number, model: string): Thinking {
  const isFlash = model.includes('flash')
  if (version < 2.5) return { type: 'none' }
  if (version >= 3) return { type: 'level', minimal: isFlash && version < 3.7, medium: isFlash || version > 3 }
  if (model.includes('lite')) return { type: 'budget', min: 512, max: 24_576, canBeOff: true }
  if (isFlash) return { type: 'budget', min: 1, max: 24_576, canBeOff: true }
  return { type: 'budget', min: 128, max: 32_768, canBeOff: false }
}
