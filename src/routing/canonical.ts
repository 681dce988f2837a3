// One model under the names that vendors and hosts give it: `anthropic.claude-sonnet-4-5-20250929-v1:0`,
// `claude-sonnet-4-5@20250929` and `anthropic/claude-sonnet-4.5` are `claude-sonnet-4-5`.

export type CanonicalModel = {
  /** Without vendor, date and revision. */
  readonly name: string
  /** Date of the snapshot as digits; null where the name follows whatever is current. */
  readonly date: string | null
}

const VENDORS =
  'anthropic|openai|google|meta-llama|meta|mistralai|mistral|cohere|deepseek-ai|deepseek|qwen|x-ai|xai|amazon|ai21|moonshotai|z-ai|zai-org|microsoft|nvidia'

/** `us.`, `global.` of Bedrock's inference profiles, `models/` of Gemini, `accounts/…/models/` of hosts, and the vendor's own name. */
const PREFIX = new RegExp(
  `^(?:models/|publishers/\\w+/models/|accounts/[\\w-]+/models/)?(?:(?:us|eu|apac|global|jp|au|us-gov)\\.)?(?:(?:${VENDORS})[./])?`,
)

const DATE = /[-@](20\d{2})-?([01]\d)-?([0-3]\d)$/

/** The name as it is written, without the date of its snapshot. */
export function withoutDate(id: string): string {
  return id.replace(DATE, '')
}

/** Pure text → text; never fails on what it does not know. */
export function canonicalModel(id: string): CanonicalModel {
  let name = id.toLowerCase().replace(PREFIX, '')
  name = name.replace(/(?:-v\d+)?:\d+$/, '').replace(/-latest$/, '')
  let date: string | null = null
  const dated = DATE.exec(name)
  if (dated !== null) {
    date = `${dated[1]}${dated[2]}${dated[3]}`
    name = name.slice(0, dated.index)
  }
  return { name: name.replaceAll(/(\d)\.(?=\d)/g, '$1-'), date }
}

/**
 * Which of a provider's models is meant by a name: the exact one, else the same snapshot; for a name without a date also
 * the provider's name without one, else its newest snapshot. Null: it has none. One model, because an older snapshot is
 * another model.
 */
export function sameModel(asked: CanonicalModel, candidates: readonly string[]): string | null {
  let best: string | null = null
  let bestDate = ''
  for (const id of candidates) {
    const { name, date } = canonicalModel(id)
    if (name !== asked.name) continue
    if (asked.date !== null) {
      if (date === asked.date) return id
      continue
    }
    if (date === null) return id
    if (date > bestDate) {
      best = id
      bestDate = date
    }
  }
  return best
}
