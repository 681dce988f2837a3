// Ollama's embeddings. https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings
import { textsOf, TEXTS_ONLY } from '../../core/embeddings.ts'
import { listOf, stringOf } from '../../core/json-read.ts'
import { jsonAnswer, vectorOf, vectorsFor } from '../operation-wire.ts'
import type { OperationWire } from '../operation-wire.ts'
import { usageOfOllama } from './usage.ts'

export const ollamaEmbeddingsWire: OperationWire<'embeddings'> = {
  writeRequest(request, { provider, model }) {
    const texts = textsOf(request)
    return {
      url: `${provider.baseUrl}/api/embed`,
      body: {
        model,
        input: texts ?? [],
        ...(request.dimensions === null ? {} : { dimensions: request.dimensions }),
        ...(request.truncate === null ? {} : { truncate: request.truncate }),
      },
      warnings: [
        ...(request.purpose === null ? [] : ['Ollama’s vectors are the same for every purpose: it is left out.']),
        ...(request.title === null ? [] : ['The title of the document is left out.']),
      ],
      refusals: texts === null ? [TEXTS_ONLY] : [],
    }
  },
  readAnswer(answer, { inputs }) {
    const body = jsonAnswer(answer)
    const counted = usageOfOllama(body)
    return {
      model: stringOf(body, 'model'),
      vectors: vectorsFor(inputs, listOf(body, 'embeddings').map(vectorOf)),
      usage: counted?.usage ?? null,
      rawUsage: counted?.raw ?? null,
    }
  },
}
