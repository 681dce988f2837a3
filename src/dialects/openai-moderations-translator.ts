// OpenAI's moderations in the translated lane.
import { GatewayError } from '../core/error.ts'
import { isObject } from '../core/json.ts'
import type { OperationTranslator } from './operation-translator.ts'

export const openaiModerationsTranslator: OperationTranslator<'moderation'> = {
  operation: 'moderation',
  readRequest({ body }) {
    const { input } = body
    if (typeof input === 'string') return { request: { texts: [input], hasPictures: false }, warnings: [] }
    if (!Array.isArray(input) || input.length === 0) throw malformed()
    const list = input as readonly unknown[]
    if (list.every((one) => typeof one === 'string'))
      return { request: { texts: list, hasPictures: false }, warnings: [] }
    // A list of parts is one thing to judge.
    const texts = list.map((part) => {
      if (!isObject(part)) throw malformed()
      return part['type'] === 'text' && typeof part['text'] === 'string' ? part['text'] : ''
    })
    const hasPictures = list.some((part) => isObject(part) && part['type'] !== 'text')
    return { request: { texts: [texts.filter((text) => text !== '').join('\n')], hasPictures }, warnings: [] }
  },
  writeAnswer: ({ id, model, verdicts }, _, context) => ({
    id: id ?? context.id,
    model: model ?? context.model,
    results: verdicts.map(({ isFlagged, categories }) => ({
      flagged: isFlagged,
      categories: Object.fromEntries(categories.map(({ name, applies }) => [name, applies])),
      category_scores: Object.fromEntries(
        categories.flatMap(({ name, score }) => (score === null ? [] : [[name, score]])),
      ),
    })),
  }),
}

function malformed(): GatewayError {
  return new GatewayError('request_malformed', {
    message: '`input` must be a text, a list of texts, or a list of parts.',
    param: 'input',
  })
}
