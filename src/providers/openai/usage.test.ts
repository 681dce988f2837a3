import { expect, test } from 'bun:test'
import { inputTokens, NO_USAGE, outputTokens } from '../../core/usage.ts'
import { usageOfOpenai } from './usage.ts'

for (const [host, raw, expected] of [
  [
    'OpenAI with cached and reasoning tokens',
    {
      prompt_tokens: 2006,
      completion_tokens: 300,
      total_tokens: 2306,
      prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 192, audio_tokens: 0 },
    },
    { input: 86, cacheRead: 1920, output: 108, reasoning: 192 },
  ],
  [
    'OpenAI with audio both ways',
    {
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { audio_tokens: 40 },
      completion_tokens_details: { audio_tokens: 30 },
    },
    { input: 60, audioIn: 40, output: 20, audioOut: 30 },
  ],
  [
    'DeepSeek’s cache counters',
    {
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 110,
      prompt_cache_hit_tokens: 64,
      prompt_cache_miss_tokens: 36,
    },
    { input: 36, cacheRead: 64, output: 10 },
  ],
  [
    'xAI, which leaves reasoning out of the completion',
    {
      prompt_tokens: 12,
      completion_tokens: 9,
      total_tokens: 341,
      completion_tokens_details: { reasoning_tokens: 320 },
    },
    { input: 12, output: 9, reasoning: 320 },
  ],
  [
    'Gemini’s compatible endpoint, which tells reasoning only by the total',
    { prompt_tokens: 10, completion_tokens: 5, total_tokens: 115 },
    { input: 10, output: 5, reasoning: 100 },
  ],
  [
    'Moonshot’s top-level counter',
    { prompt_tokens: 50, completion_tokens: 1, total_tokens: 51, cached_tokens: 30 },
    { input: 20, cacheRead: 30, output: 1 },
  ],
  [
    'Perplexity’s searches',
    { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10, num_search_queries: 2 },
    { input: 5, output: 5, searches: 2 },
  ],
  ['embeddings', { prompt_tokens: 8, total_tokens: 8 }, { input: 8 }],
  ['nonsense', { prompt_tokens: -4, completion_tokens: 'many', total_tokens: null }, {}],
  [
    'more cached than there were',
    { prompt_tokens: 5, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 9 } },
    { cacheRead: 5 },
  ],
] as const)
  test(`usage of ${host} falls into disjoint buckets`, () => {
    const usage = usageOfOpenai(raw)
    expect(usage).toEqual({ ...NO_USAGE, requests: 1, ...expected })
    if (typeof raw.total_tokens === 'number') expect(inputTokens(usage) + outputTokens(usage)).toBe(raw.total_tokens)
  })
