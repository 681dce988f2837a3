// What OpenAI's models take, by their names: a model that does not think answers an effort with a 400, and one that thinks
// answers a temperature so. Whatever is not called as OpenAI calls its models is taken to take everything.
//
// Facts as of 2026: https://platform.openai.com/docs/guides/reasoning and .../guides/latest-model (parameter compatibility).

export type ModelAbilities = {
  /** Takes `reasoning_effort`. */
  readonly effort: boolean
  /** Takes sampling parameters: always, never, or only when it does not think. */
  readonly sampling: 'always' | 'without_effort' | 'never'
}

const EVERYTHING: ModelAbilities = { effort: true, sampling: 'always' }

const RULES: readonly (readonly [name: RegExp, abilities: ModelAbilities])[] = [
  [/^(?:gpt-3|gpt-4|chatgpt-)/, { effort: false, sampling: 'always' }],
  [/^gpt-5(?:\.\d+)?-chat/, { effort: false, sampling: 'always' }],
  // From 5.1 on a model may be told not to think, and then takes them.
  [/^gpt-5\.\d/, { effort: true, sampling: 'without_effort' }],
  [/^(?:gpt-5|o1|o3|o4)(?:-|$)/, { effort: true, sampling: 'never' }],
]

export function abilitiesOf(model: string): ModelAbilities {
  // Hosts of many vendors call it `openai/gpt-5`.
  const name = model.startsWith('openai/') ? model.slice('openai/'.length) : model
  return RULES.find(([pattern]) => pattern.test(name))?.[1] ?? EVERYTHING
}
