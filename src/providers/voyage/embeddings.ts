// Voyage's embeddings: like OpenAI's, with names of its own. https://docs.voyageai.com/reference/embeddings-api
import { textsOf, TEXTS_ONLY } from '../../core/embeddings.ts'
import type { EmbeddingPurpose } from '../../core/embeddings.ts'
import { jsonAnswer } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { readOpenaiVectors } from '../openai/embeddings.ts'

const INPUT_TYPES: { readonly [purpose in EmbeddingPurpose]: 'query' | 'document' | null } = {
  query: 'query',
  document: 'document',
  question: 'query',
  fact: 'query',
  code: 'query',
  similarity: null,
  classification: null,
  clustering: null,
}

export const voyageEmbeddingsWire: OperationWire<'embeddings'> = {
  writeRequest(request, { provider, model }) {
    const type = request.purpose === null ? null : INPUT_TYPES[request.purpose]
    const texts = textsOf(request)
    return {
      url: `${provider.baseUrl}/embeddings`,
      body: {
        model,
        input: texts ?? [],
        ...(type === null ? {} : { input_type: type }),
        ...(request.dimensions === null ? {} : { output_dimension: request.dimensions }),
        ...(request.truncate === null ? {} : { truncation: request.truncate }),
      },
      warnings: request.title === null ? [] : ['The title of the document is left out.'],
      refusals: texts === null ? [TEXTS_ONLY] : [],
    }
  },
  readAnswer: (answer, { inputs }) => readOpenaiVectors(jsonAnswer(answer), inputs),
}
