// Moderations of hosts that tell categories and no verdict, under names of their own (Mistral): a text is flagged when any
// category applies. https://docs.mistral.ai/capabilities/guardrailing
import { ProblemError } from '../../core/chat-answer.ts'
import type { JsonObject } from '../../core/json.ts'
import { numberOf, objectOf, objectsOf, stringOf } from '../../core/json-read.ts'
import type { ModerationAnswer } from '../../core/moderation.ts'
import { jsonAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { openaiModerationsUrl } from './request.ts'
import { usageOfOpenai } from './usage.ts'

/** What OpenAI calls the same; the others keep their names. */
const NAMES: Readonly<Record<string, string | undefined>> = {
  hate_and_discrimination: 'hate',
  violence_and_threats: 'violence',
  dangerous_and_criminal_content: 'illicit',
  selfharm: 'self-harm',
}

export const moderationCategoriesWire: OperationWire<'moderation'> = {
  serves: (deployment) =>
    deployment.provider.quirks.bareModerations === true && openaiModerationsUrl(deployment) !== null,
  writeRequest({ texts, hasPictures }, deployment) {
    return {
      url: openaiModerationsUrl(deployment) ?? '',
      body: { model: deployment.model, input: texts },
      warnings: [],
      refusals: hasPictures ? ['This provider looks at texts only.'] : [],
    }
  },
  readAnswer(answer, { texts }) {
    const body = jsonAnswer(answer)
    const results = objectsOf(body, 'results')
    if (results.length !== texts.length)
      throw new ProblemError(`the answer holds ${results.length} results for ${texts.length} texts`)
    const raw = objectOf(body, 'usage')
    return {
      id: stringOf(body, 'id'),
      model: stringOf(body, 'model'),
      verdicts: results.map(verdictOf),
      usage: raw === null ? null : usageOfOpenai(raw),
      rawUsage: raw,
    }
  },
}

function verdictOf(result: JsonObject): ModerationAnswer['verdicts'][number] {
  const applies = objectOf(result, 'categories')
  if (applies === null || !Object.values(applies).every((value) => typeof value === 'boolean'))
    throw new ProblemError('a result of the answer tells no categories')
  const scores = objectOf(result, 'category_scores') ?? {}
  const categories = Object.entries(applies).map(([name, value]) => ({
    name: NAMES[name] ?? name,
    applies: value === true,
    score: numberOf(scores, name),
  }))
  return { isFlagged: categories.some((category) => category.applies), categories }
}
