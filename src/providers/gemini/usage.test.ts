import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { inputTokens, outputTokens } from '../../core/usage.ts'
import { tierOfGemini, usageOfGemini } from './usage.ts'

test('the buckets of a prompt with cache, media and tools of Google do not overlap', () => {
  expect(
    usageOfGemini(
      {
        promptTokenCount: 1_000,
        cachedContentTokenCount: 300,
        candidatesTokenCount: 50,
        thoughtsTokenCount: 70,
        toolUsePromptTokenCount: 40,
        totalTokenCount: 1_160,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 400 },
          { modality: 'IMAGE', tokenCount: 258 },
          { modality: 'AUDIO', tokenCount: 200 },
          { modality: 'VIDEO', tokenCount: 100 },
          { modality: 'DOCUMENT', tokenCount: 42 },
        ],
        cacheTokensDetails: [{ modality: 'AUDIO', tokenCount: 150 }],
        candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 30 }],
        toolUsePromptTokensDetails: [{ modality: 'TEXT', tokenCount: 40 }],
      },
      2,
    ),
  ).toMatchObject({
    input: 700 - 258 - 50 - 100 + 40,
    cacheRead: 300,
    imageIn: 258,
    audioIn: 50,
    video: 100,
    output: 20,
    imageOut: 30,
    reasoning: 70,
    searches: 2,
    requests: 1,
  })
})

test('where the answer’s own number is missing, the total tells it', () => {
  expect(usageOfGemini({ promptTokenCount: 10, totalTokenCount: 25, thoughtsTokenCount: 5 })).toMatchObject({
    input: 10,
    output: 10,
    reasoning: 5,
  })
})

test('a chunk that tells only the kind of traffic tells no usage', () => {
  expect(usageOfGemini({ trafficType: 'ON_DEMAND' })).toBeNull()
})

test.each([
  [{ serviceTier: 'priority' }, 'priority'],
  [{ serviceTier: 'SERVICE_TIER_FLEX' }, 'flex'],
  [{ trafficType: 'ON_DEMAND_PRIORITY' }, 'priority'],
  [{ trafficType: 'ON_DEMAND' }, null],
  [{ trafficType: 'PROVISIONED_THROUGHPUT' }, null],
] as const)('the tier of %j is %s', (raw, tier) => expect(tierOfGemini(raw)).toBe(tier))

test('whatever a provider counts, no bucket is negative and their sums are what was said', () => {
  const details = fc.array(
    fc.record({ modality: fc.constantFrom('TEXT', 'IMAGE', 'AUDIO', 'VIDEO', 'FUTURE'), tokenCount: fc.nat(500) }),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(
      fc.record({
        promptTokenCount: fc.nat(1_000),
        cachedContentTokenCount: fc.nat(1_000),
        candidatesTokenCount: fc.nat(1_000),
        thoughtsTokenCount: fc.nat(1_000),
        toolUsePromptTokenCount: fc.nat(1_000),
        promptTokensDetails: details,
        cacheTokensDetails: details,
        candidatesTokensDetails: details,
        toolUsePromptTokensDetails: details,
      }),
      (raw) => {
        const usage = usageOfGemini(raw)!
        expect(Math.min(...Object.values(usage))).toBeGreaterThanOrEqual(0)
        expect(inputTokens(usage)).toBe(raw.promptTokenCount + raw.toolUsePromptTokenCount)
        expect(outputTokens(usage)).toBe(raw.candidatesTokenCount + raw.thoughtsTokenCount)
      },
    ),
  )
})
