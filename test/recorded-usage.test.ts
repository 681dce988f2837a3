// The usage that recorded answers tell, beside what genai-prices extracts from the same bodies: the two were written by
// different people from the same documents of the vendors. (That streams tell what whole answers do is in recorded.test.ts.)
import { extractUsage, findProvider } from '@pydantic/genai-prices'
import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '../src/core/json.ts'
import { inputTokens, outputTokens, type Usage } from '../src/core/usage.ts'
import { HAS_CORPUS, recordingsOf, ROWS } from './recorded/corpus.ts'

/** Folder of the corpus → the vendor in genai-prices, and the form of its answers there. */
const VENDORS: readonly (readonly [folder: string, vendor: string, flavour: string])[] = [
  ['openai/chat', 'openai', 'chat'],
  ['openai/responses', 'openai', 'responses'],
  ['groq', 'groq', 'default'],
  ['mistral', 'mistral', 'default'],
  ['deepseek/chat', 'deepseek', 'chat'],
  ['xai', 'x-ai', 'chat'],
  ['moonshotai', 'moonshotai', 'chat'],
  ['anthropic', 'anthropic', 'default'],
  ['google', 'google', 'default'],
  ['amazon-bedrock', 'aws', 'default'],
  ['perplexity', 'perplexity', 'default'],
]

/** Recordings of which more is read here, and why; none of them may turn out to be the same one day without notice. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'moonshotai-reasoning.json':
    'cached tokens stand beside the details (`usage.cached_tokens`), where the other reader does not look',
  'anthropic-compaction.1.json': 'a compaction is billed, too, and stands in `usage.iterations` only',
}

type Totals = {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
}

function ours(usage: Usage): Totals {
  return {
    input: inputTokens(usage),
    output: outputTokens(usage),
    cacheRead: usage.cacheRead,
    cacheWrite: usage.cacheWrite5m + usage.cacheWrite1h,
  }
}

function theirs(vendor: string, flavour: string, body: JsonObject): Totals | null {
  const provider = findProvider({ providerId: vendor })
  if (provider === undefined) throw new Error(`genai-prices knows no ${vendor}`)
  try {
    const { usage } = extractUsage(provider, { ...body, model: body['model'] ?? body['modelVersion'] ?? 'm' }, flavour)
    return {
      input: usage['input_tokens'] ?? 0,
      output: usage['output_tokens'] ?? 0,
      cacheRead: usage['cache_read_tokens'] ?? 0,
      cacheWrite: usage['cache_write_tokens'] ?? 0,
    }
  } catch {
    return null
  }
}

describe.skipIf(!HAS_CORPUS)('recorded answers have the usage that their provider meant', () => {
  for (const [folder, vendor, flavour] of VENDORS)
    test(`${folder}, as ${vendor} is read elsewhere`, () => {
      let compared = 0
      for (const row of ROWS.filter((one) => one.folder === folder))
        for (const recording of recordingsOf(row)) {
          if (recording.type !== 'whole') continue
          const expected = theirs(vendor, flavour, recording.body)
          const usage = row.wire.codec.readAnswer(recording.body).usage
          if (expected === null || usage === null) continue
          compared++
          if (recording.name in DIFFERENT) expect(ours(usage)).not.toEqual(expected)
          else expect([recording.name, ours(usage)]).toEqual([recording.name, expected])
        }
      expect(compared).toBeGreaterThan(0)
    })
})
