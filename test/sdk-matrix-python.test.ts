// Official SDKs for Python, unchanged, as clients before every wire: their part of the matrix. One Python process plays
// all cells (python/sdk_matrix.py); here each is a test. Skipped where there is no Python with the SDKs.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { CLIENT_ROWS, OPERATIONS } from './sdk/matrix.ts'
import type { Operation } from './sdk/matrix.ts'
import { CALL_ID, INPUT_TOKENS, OUTPUT_TOKENS } from './sdk/spoken.ts'
import {
  ASKED,
  HELLO,
  MATRIX_WIRES,
  namesCalls,
  PERSON,
  PICTURE,
  PNG,
  startMatrixGateway,
  WEATHER,
  WEATHER_ANSWER,
} from './sdk/wires.ts'
import type { MatrixGateway } from './sdk/wires.ts'

const PYTHON = process.env['WEIR_TEST_PYTHON'] ?? ''
const SCRIPT = path.join(import.meta.dirname, 'python', 'sdk_matrix.py')

type Cell = {
  readonly client: string
  readonly wire: string
  readonly operation: Operation
  readonly result: unknown
  readonly error: string | null
}

let gateway: MatrixGateway | null = null
let cells: readonly Cell[] = []
let stderr = ''

beforeAll(async () => {
  if (PYTHON === '') return
  gateway = await startMatrixGateway()
  const given = {
    url: gateway.url,
    key: gateway.key,
    wires: MATRIX_WIRES.map(({ name }) => name),
    asked: ASKED,
    png: PNG,
    weather: WEATHER,
  }
  const child = spawn(PYTHON, [SCRIPT], {
    env: { PATH: process.env['PATH'], PYTHONDONTWRITEBYTECODE: '1', WEIR_MATRIX: JSON.stringify(given) },
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await new Promise((resolve) => child.once('close', resolve))
  cells = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Cell)
}, 120_000)

afterAll(() => gateway?.[Symbol.asyncDispose]())

/** The words of each SDK for the same end, and its exceptions. */
const WORDS: Readonly<Record<string, { readonly stop: string; readonly errors: readonly [string, string, string] }>> = {
  python_openai_chat: { stop: 'stop', errors: ['BadRequestError', 'AuthenticationError', 'NotFoundError'] },
  python_openai_responses: { stop: 'completed', errors: ['BadRequestError', 'AuthenticationError', 'NotFoundError'] },
  python_anthropic: { stop: 'end_turn', errors: ['BadRequestError', 'AuthenticationError', 'NotFoundError'] },
  python_genai: { stop: 'STOP', errors: ['ClientError', 'ClientError', 'ClientError'] },
}

function due(client: string, operation: Operation): unknown {
  const { stop = '', errors } = WORDS[client] ?? {}
  switch (operation) {
    case 'whole':
    case 'stream':
      return { text: HELLO, tokens: [INPUT_TOKENS, OUTPUT_TOKENS], finish: stop }
    case 'tools':
    case 'streamedTools':
      return { name: 'weather', input: { city: 'Ulm' }, answer: WEATHER_ANSWER }
    case 'structured':
      return PERSON
    case 'vision':
      return PICTURE
    case 'errors':
      return { request: `${errors?.[0]} 400`, key: `${errors?.[1]} 401`, model: `${errors?.[2]} 404` }
    case 'abort':
      return expect.stringMatching(new RegExp(`^${HELLO.slice(0, 3)}`))
  }
}

for (const row of CLIENT_ROWS) {
  if (row.language !== 'Python') continue
  describe(`Python: ${row.title}`, () => {
    for (const { name: wire } of MATRIX_WIRES)
      for (const operation of OPERATIONS)
        test.skipIf(PYTHON === '')(`${operation} before ${wire}`, () => {
          const cell = cells.find((one) => one.client === row.id && one.wire === wire && one.operation === operation)
          if (cell === undefined) expect.unreachable(`the script did not come to this cell: ${stderr}`)
          if (cell.error !== null) expect.unreachable(cell.error)
          expect(cell.result).toEqual(due(row.id, operation) as never)
        })
  })
}

for (const wire of MATRIX_WIRES)
  test.skipIf(PYTHON === '')(`Python: the provider of ${wire.name} got ids and pictures, and was left`, async () => {
    const asked = gateway?.asked.filter((one) => one.wire === wire.name) ?? []
    const results = asked.filter(({ body }) => body.includes(WEATHER))
    const pictures = asked.filter(({ body }) => body.includes(ASKED.picture))
    const left = asked.filter(({ body }) => body.includes(ASKED.endless))
    const clients = Object.keys(WORDS).length
    expect([results.length, pictures.length, left.length]).toEqual([2 * clients, clients, clients])
    if (namesCalls(wire)) for (const { body } of results) expect(body).toContain(CALL_ID)
    for (const { body } of pictures) expect(body).toContain(PNG)
    // The test's own deadline bounds this.
    while (!left.every(({ cancelled }) => cancelled)) await new Promise((resolve) => setImmediate(resolve))
  })
