// What Claude models take, by the version in their names. A Claude without a version in its name is taken for
// a new one, and a model of another name, which some host serves in this format, for one of the fourth generation.
//
// Facts as of 2026: adaptive thinking since 4.6; no budget of thoughts and no sampling parameters since Opus 4.7 and the
// fifth generation; `temperature` and `top_p` not together since Opus 4.1; JSON schema output since Opus 4.1 and 4.5.

export type ModelAbilities = {
  /** `budget`: thoughts are bounded in tokens; `adaptive`: only an effort is told; `none`: no thinking. */
  readonly thinking: 'none' | 'budget' | 'either' | 'adaptive'
  /** Takes `output_config.effort`. */
  readonly effort: boolean
  readonly sampling: 'all' | 'one' | 'none'
  readonly jsonSchema: boolean
  readonly maxOutputTokens: number
}

/** Version as a number: 3.5, 4, 4.6. Names have it after the family (claude-opus-4-6) or before it (claude-3-7-sonnet). */
function versionOf(model: string): number | null {
  const match = /claude-(?:[a-z]+-)?(\d)(?:[-.](\d)(?!\d))?/.exec(model)
  if (match === null) return null
  return Number(match[1]) + Number(match[2] ?? 0) / 10
}

export function abilitiesOf(model: string): ModelAbilities {
  const version = versionOf(model) ?? (model.includes('claude') ? 9 : 4)
  const isOpus = model.includes('opus')
  return {
    thinking: version < 3.7 ? 'none' : version < 4.6 ? 'budget' : version < 4.7 ? 'either' : 'adaptive',
    effort: version >= 4.6 || (isOpus && version >= 4.5),
    sampling: version >= 4.7 ? 'none' : version >= 4.5 || (isOpus && version >= 4.1) ? 'one' : 'all',
    jsonSchema: version >= 4.5 || (isOpus && version >= 4.1),
    maxOutputTokens: outputBound(version, isOpus),
  }
}

function outputBound(version: number, isOpus: boolean): number {
  if (version < 3.5) return 4_096
  if (version < 3.7) return 8_192
  if (version < 4.5) return isOpus ? 32_000 : 64_000
  return version < 4.6 ? 64_000 : 128_000
}
