// Rerank on Bedrock: Cohere's models and Amazon's, both in Cohere's format.
// https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html
import { cohereRerankFields, readCohereRanks } from '../cohere/rerank.ts'
import { jsonAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { bedrockUrl } from './request.ts'

const COHERE = /cohere\.rerank/

export const bedrockRerankWire: OperationWire<'rerank'> = {
  serves: ({ model }) => COHERE.test(model) || /amazon\.rerank/.test(model),
  writeRequest: (request, deployment) => ({
    url: bedrockUrl(deployment, 'invoke', false),
    body: { ...cohereRerankFields(request), ...(COHERE.test(deployment.model) ? { api_version: 2 } : {}) },
    warnings: [],
    refusals: [],
  }),
  readAnswer: (answer, request) => readCohereRanks(jsonAnswer(answer), request),
}
