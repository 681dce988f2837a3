// OpenAI's own SDK for Python, unchanged, as a client of a listening gateway. One Python process runs all checks of
// python/sdk_openai.py and prints a line for each; here each is a test. Skipped where there is no Python with the SDK
// (`npm test` prepares one and names it in WEIR_TEST_PYTHON).
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { completion, FAST_SIMULATOR, providerAt, startGateway, startUpstream } from './gateway.ts'
import type { TestGateway, Upstream } from './gateway.ts'

const PYTHON = process.env['WEIR_TEST_PYTHON'] ?? ''
const SCRIPT = path.join(import.meta.dirname, 'python', 'sdk_openai.py')

const CHECKS = [
  'models.list and models.retrieve',
  'a whole chat completion',
  'the headers of a raw response',
  'a streamed chat completion with its usage',
  'the stream helper',
  'a round of tools',
  'streamed tool calls',
  'structured output into a pydantic model',
  'embeddings, as floats and as base64',
  'pictures, made, streamed and edited',
  'speech, whole and as it comes; transcriptions in every form; a translation',
  'moderations',
  'legacy completions, whole and streamed',
  'typed errors',
  'a rate limit with its headers',
  'an error inside a stream',
  'a timeout of the SDK',
  'retries at the time that was asked for',
  'a stream that is left early',
  'files, and a batch of them',
  'a realtime session',
  'the async client: whole, streamed, tools, parsed, embeddings, errors, many at once',
]

type Result = { readonly name: string; readonly error: string | null }

let weir: TestGateway | null = null
let upstream: Upstream | null = null
let results: readonly Result[] = []
let stderr = ''

beforeAll(async () => {
  if (PYTHON === '') return
  // Once too busy, then at the service of whoever comes back.
  upstream = startUpstream((_request, number) =>
    number === 1
      ? Response.json(
          { error: { message: 'slow down', code: 'rate_limit_exceeded' } },
          { status: 429, headers: { 'retry-after-ms': '700' } },
        )
      : Response.json(completion('at last')),
  )
  // A model that talks, beside those that every test has.
  const talking = FAST_SIMULATOR.replace(
    '      embed:',
    '      talk: { simulate: { ttftMs: { median: 1, p99: 2 }, tokensPerSecond: 5000 } }\n      embed:',
  )
  weir = await startGateway(talking + providerAt(upstream.url).replace('\nproviders:\n', ''))
  const keys = {
    all: weir.key,
    one_rpm: await weir.issue({ limits: { rpm: 1 } }),
    embeddings_only: await weir.issue({ models: ['sim/embed'] }),
  }
  const child = spawn(PYTHON, [SCRIPT], {
    env: {
      PATH: process.env['PATH'],
      PYTHONDONTWRITEBYTECODE: '1',
      WEIR_TEST_URL: `${weir.listen().url}/v1`,
      WEIR_TEST_KEYS: JSON.stringify(keys),
    },
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await new Promise((resolve) => child.once('close', resolve))
  results = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result)
}, 60_000)

afterAll(async () => {
  upstream?.[Symbol.dispose]()
  await weir?.[Symbol.asyncDispose]()
})

for (const name of CHECKS)
  test.skipIf(PYTHON === '')(`Python: ${name}`, () => {
    const result = results.find((one) => one.name === name)
    if (result === undefined) expect.unreachable(`the script did not come to this check: ${stderr}`)
    if (result.error !== null) expect.unreachable(result.error)
  })

test.skipIf(PYTHON === '')(
  'Python: no check of the script is left out here, and nothing is left in flight',
  async () => {
    expect(results.map(({ name }) => name).sort()).toEqual(CHECKS.toSorted())
    // What the script left last may still be noticed; the test's own deadline bounds this.
    while ((weir?.gateway.load.inFlight ?? 0) > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(weir?.gateway.limiter.inFlight('key')).toBe(0)
  },
)
