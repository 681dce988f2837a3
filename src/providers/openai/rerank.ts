// Rerank of hosts that have it beside OpenAI's endpoints (vLLM, Jina and many others): all in Cohere's shape.
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { listOf, numberOf, objectOf } from '../../core/json-read.ts'
import type { Provider } from '../../core/model.ts'
import { NO_USAGE } from '../../core/usage.ts'
import type { Usage } from '../../core/usage.ts'
import { SILENT } from '../wire.ts'
import type { AnswerFacts, NativeWire } from '../wire.ts'
import { readJsonAnswer } from './answer.ts'
import { openaiBody, openaiUrl } from './request.ts'

/** By the search, as Cohere bills, or by the token; null where neither is told. */
function usageOfRerank(body: JsonObject): { readonly usage: Usage; readonly raw: JsonObject } | null {
  const billed = objectOf(objectOf(body, 'meta') ?? {}, 'billed_units')
  const raw = billed ?? objectOf(body, 'usage')
  if (raw === null) return null
  const input = numberOf(raw, 'input_tokens') ?? numberOf(raw, 'prompt_tokens') ?? numberOf(raw, 'total_tokens') ?? 0
  return { usage: { ...NO_USAGE, input, searches: numberOf(raw, 'search_units') ?? 0, requests: 1 }, raw }
}

function readRerankAnswer(text: string): AnswerFacts {
  return readJsonAnswer(text, (body) => {
    const counted = usageOfRerank(body)
    return {
      usage: counted?.usage ?? null,
      rawUsage: counted === null ? null : JSON.stringify(counted.raw),
      problem: listOf(body, 'results').some(isObject) ? null : 'the answer holds no results',
    }
  })
}

/** Rerank of a host whose other endpoints are its own: `path` is below its base URL. */
export function rerankNativeAt(path: string): NativeWire {
  return { ...rerankNative, url: (_, { provider }: { readonly provider: Provider }) => provider.baseUrl + path }
}

export const rerankNative: NativeWire = {
  url: openaiUrl,
  body: openaiBody,
  readAnswer: readRerankAnswer,
  eventReader: () => () => SILENT,
  endsWithFinish: false,
}
