import { afterAll, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { clockAt, runWords } from './testing.ts'

const root = mkdtempSync(path.join(tmpdir(), 'weir-cli-prices-'))
let folder = ''
let number = 0
beforeEach(() => {
  folder = path.join(root, String(number++))
  mkdirSync(folder)
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Runs on a config with OpenAI and one model of our own, and a price file beside it. */
async function weir(words: string, config = CONFIG) {
  writeFileSync(path.join(folder, 'weir.yaml'), config.replaceAll('FILE', path.join(folder, 'prices.json')))
  return runWords(words.replaceAll('FILE', path.join(folder, 'prices.json')).split(' '), {
    clock: clockAt(Date.UTC(2026, 10, 28, 12)),
    environment: { WEIR_DATA: path.join(folder, 'data'), WEIR_CONFIG: path.join(folder, 'weir.yaml') },
  })
}

const CONFIG = `
providers:
  openai: { keys: [a-secret-value], models: { ours: { price: { input: 1, output: 2 } } } }
  local: { preset: openai-compatible, base_url: "http://127.0.0.1:1/v1", models: { llama: {} } }
prices: { feeds: [ { from: litellm, file: "FILE" } ] }
`

function prices(input: number): void {
  const row = { litellm_provider: 'openai', input_cost_per_token: input, output_cost_per_token: 2e-6 }
  writeFileSync(path.join(folder, 'prices.json'), JSON.stringify({ 'gpt-5-mini': row }))
}

test('prices are listed with the layer that they are from', async () => {
  const { code, out } = await weir('prices list ours')
  expect(code).toBe(0)
  expect(out).toMatch(/openai\/ours +1 +- +2 +- +config-[0-9a-f]{12}\n/)
  const { data } = JSON.parse((await weir('prices list --unpriced --json')).out) as { data: unknown[] }
  expect(data).toEqual(expect.arrayContaining([{ model: 'local/llama', priced: false }]))
})

test('a refresh takes a sound file, refuses an odd one, and the history tells what changed', async () => {
  prices(3e-7)
  const taken = await weir('prices refresh')
  expect(taken).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^litellm: taken as litellm-[0-9a-f]{12}, \d+ prices differ\.\n$/),
  })
  expect((await weir('prices show openai/gpt-5-mini')).out).toMatch(
    /^litellm-[0-9a-f]{12}\ninput: +\$0\.3 per million\noutput: +\$2 per million\n\ngenai-prices-[\d.]+ \(not in force\)\n/,
  )
  expect((await weir('prices refresh')).out).toMatch(/^litellm: nothing new at .+\.\n$/)
  prices(3e-5)
  const refused = await weir('prices refresh')
  expect(refused.code).toBe(1)
  expect(refused.out).toMatch(
    /^litellm: refused\. 1 prices look wrong:\n {2}openai\/gpt-5-mini goes from 0\.3 to 30 dollars/,
  )
  expect(refused.out).toMatch(/The prices of before stay in force \(litellm-[0-9a-f]{12}\)\.\n$/)
  expect((await weir('prices refresh --accept openai/gpt-5-mini')).code).toBe(0)
  const { data } = JSON.parse((await weir('prices diff --json')).out) as { data: { model: string }[] }
  expect(data[0]).toMatchObject({
    model: 'openai/gpt-5-mini',
    before_usd_per_million: '0.3',
    after_usd_per_million: '30',
  })
})

test('a file can be looked at without taking it', async () => {
  prices(3e-7)
  const diff = await weir('prices diff --from litellm --file FILE')
  expect(diff.out).toMatch(/- +openai\/gpt-5-mini +input +0\.25 +0\.3\n/)
  const check = await weir('prices check')
  expect(check).toMatchObject({
    code: 0,
    out: expect.stringMatching(/sound as .+\n\d+ of \d+ models have no price\.\n$/),
  })
  expect((await weir('prices show openai/gpt-5-mini')).out).toStartWith('genai-prices-')
  prices(3e-5)
  expect((await weir('prices check --json')).code).toBe(1)
})

test.each([
  ['prices refresh --file x', 2, '--from is missing'],
  ['prices refresh --from litellm --file x --url y', 2, 'two places'],
  ['prices refresh --from csv --file x', 2, '--from takes'],
  ['prices show gpt-5', 2, 'provider/model'],
  ['prices show local/llama', 1, 'no price of local/llama'],
])('%s is refused', async (words, code, message) => {
  const refused = await weir(words)
  expect([refused.code, refused.err]).toEqual([code, expect.stringContaining(message)])
})

test('without feeds there is nothing to refresh, and a file that is not there is unreachable', async () => {
  const none = await weir('prices refresh', 'providers: { openai: { keys: [a-secret-value] } }\n')
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('names no price files')])
  const gone = await weir('prices refresh --from litellm --file FILE.gone')
  expect([gone.code, gone.out]).toEqual([1, expect.stringContaining('unreachable. ')])
})
