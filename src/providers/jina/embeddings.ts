// Jina's embeddings: like OpenAI's, with tasks and without tokens. https://api.jina.ai/redoc#tag/embeddings
import { textsOf, TEXTS_ONLY } from '../../core/embeddings.ts'
import type { EmbeddingPurpose } from '../../core/embeddings.ts'
import { jsonAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { readOpenaiVectors } from '../openai/embeddings.ts'

const TASKS: { readonly [purpose in EmbeddingPurpose]: string } = {
  query: 'retrieval.query',
  document: 'retrieval.passage',
  question: 'retrieval.query',
  fact: 'retrieval.query',
  code: 'retrieval.query',
  similarity: 'text-matching',
  classification: 'classification',
  clustering: 'separation',
}

/** The first models know no tasks. */
const WITHOUT_TASKS = /embeddings-v2|^jina-clip-v1$/

export const jinaEmbeddingsWire: OperationWire<'embeddings'> = {
  writeRequest(request, { provider, model }) {
    const texts = textsOf(request)
    const takesTask = !WITHOUT_TASKS.test(model)
    return {
      url: `${provider.baseUrl}/embeddings`,
      body: {
        model,
        input: texts ?? [],
        embedding_type: 'float',
        ...(request.purpose === null || !takesTask ? {} : { task: TASKS[request.purpose] }),
        ...(request.dimensions === null ? {} : { dimensions: request.dimensions }),
        ...(request.truncate === null ? {} : { truncate: request.truncate }),
      },
      warnings: request.title === null ? [] : ['The title of the document is left out.'],
      refusals: texts === null ? [TEXTS_ONLY] : [],
    }
  },
  readAnswer: (answer, { inputs }) => readOpenaiVectors(jsonAnswer(answer), inputs),
}
