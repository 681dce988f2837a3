import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { inputTokens, outputTokens, USAGE_UNITS } from '../../core/usage.ts'
import { openaiRealtime, usageOfRealtime } from './realtime.ts'

const count = fc.integer({ min: 0, max: 5_000 })

test('property: the buckets of a usage that adds up add up to its totals, and none is below nothing', () => {
  const parts = fc.record({
    text: count,
    audio: count,
    image: count,
    cachedText: count,
    cachedAudio: count,
    out: count,
    spoken: count,
  })
  fc.assert(
    fc.property(parts, ({ text, audio, image, cachedText, cachedAudio, out, spoken }) => {
      const usage = usageOfRealtime({
        input_tokens: text + audio + image + cachedText + cachedAudio,
        output_tokens: out + spoken,
        input_token_details: {
          text_tokens: text + cachedText,
          audio_tokens: audio + cachedAudio,
          image_tokens: image,
          cached_tokens: cachedText + cachedAudio,
          cached_tokens_details: { text_tokens: cachedText, audio_tokens: cachedAudio, image_tokens: 0 },
        },
        output_token_details: { text_tokens: out, audio_tokens: spoken },
      })
      expect(usage).toMatchObject({
        input: text,
        audioIn: audio,
        imageIn: image,
        cacheRead: cachedText + cachedAudio,
        output: out,
        audioOut: spoken,
      })
      expect(inputTokens(usage)).toBe(text + audio + image + cachedText + cachedAudio)
      expect(outputTokens(usage)).toBe(out + spoken)
    }),
  )
})

test('property: numbers that make no sense give no number below nothing', () => {
  const any = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null))
  const details = fc.record({
    audio_tokens: any,
    image_tokens: any,
    cached_tokens: any,
    cached_tokens_details: fc.record({ audio_tokens: any, image_tokens: any }),
  })
  fc.assert(
    fc.property(any, any, details, (input_tokens, output_tokens, input_token_details) => {
      const usage = usageOfRealtime({
        input_tokens,
        output_tokens,
        input_token_details,
        output_token_details: { audio_tokens: input_tokens },
      })
      for (const unit of USAGE_UNITS) expect(usage[unit]).toBeGreaterThanOrEqual(0)
    }),
  )
})

test.each([
  ['a piece of sound', { type: 'response.output_audio.delta', delta: 'A'.repeat(32_000) }, 40],
  ['a piece of text', { type: 'response.output_text.delta', delta: 'four' }, 4],
  ['an unknown event', { type: 'something.new', text: 'response.done' }, 0],
  ['what a user said of an end', { type: 'conversation.item.done', item: { text: '"type":"response.done"' } }, 0],
])('%s is read without being one', (_what, event, characters) => {
  const facts = openaiRealtime.reader()(JSON.stringify(event))
  expect(facts.ends).toBe(false)
  expect(Math.round(facts.outputCharacters)).toBe(characters)
})

test('the end of an answer is found wherever its type stands', () => {
  const reader = openaiRealtime.reader()
  const response = {
    status: 'incomplete',
    output: [{ type: 'message', text: 'x'.repeat(1_000) }],
    usage: { input_tokens: 3, output_tokens: 2 },
  }
  for (const event of [
    { type: 'response.done', response },
    { response, type: 'response.done' },
  ]) {
    expect(reader(JSON.stringify(event))).toMatchObject({
      ends: true,
      finishReason: 'incomplete',
      usage: { input: 3, output: 2 },
    })
  }
})
