// Official SDKs, unchanged, as clients before every wire: the matrix of docs/compatibility.md.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { anthropic } from './sdk/client-anthropic.ts'
import {
  aiSdkAnthropic,
  aiSdkCompatible,
  aiSdkGoogle,
  aiSdkOpenaiChat,
  aiSdkOpenaiResponses,
} from './sdk/client-ai-sdk.ts'
import { genai } from './sdk/client-genai.ts'
import { openaiChat, openaiResponses } from './sdk/client-openai.ts'
import type { At, SdkClient } from './sdk/client.ts'
import { CLIENT_ROWS, matrixTable, OPERATIONS } from './sdk/matrix.ts'
import type { NodeClientId, Operation } from './sdk/matrix.ts'
import { CALL_ID, INPUT_TOKENS, OUTPUT_TOKENS } from './sdk/spoken.ts'
import {
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
import type { MatrixGateway, Wire } from './sdk/wires.ts'

const CLIENTS: Readonly<Record<NodeClientId, SdkClient>> = {
  openaiChat,
  openaiResponses,
  anthropic,
  genai,
  aiSdkOpenaiResponses,
  aiSdkOpenaiChat,
  aiSdkAnthropic,
  aiSdkGoogle,
  aiSdkCompatible,
}

let gateway: MatrixGateway
/** Cells that worked, by `CLIENT WIRE`. */
const worked = new Map<string, number>()

// The SDK's own remarks about models that it does not know.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })

beforeAll(async () => {
  gateway = await startMatrixGateway()
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  const rows = CLIENT_ROWS.filter(({ language }) => language === 'Node')
  process.stdout.write(`\n${matrixTable(rows, (client, wire) => worked.get(`${client} ${wire}`) ?? 0)}\n`)
})

const heard = (client: SdkClient): object => ({
  text: HELLO,
  tokens: [INPUT_TOKENS, OUTPUT_TOKENS],
  finish: client.words.stop,
})

/** The tool was called, and the provider saw the result under the id that it had given the call. */
function checkRound(wire: Wire, round: Awaited<ReturnType<SdkClient['tools']>>): void {
  expect(round.call).toMatchObject({ name: 'weather', input: { city: 'Ulm' } })
  expect(round.answer).toBe(WEATHER_ANSWER)
  const { body } = gateway.lastAsked(wire.name)
  expect(body).toContain(WEATHER)
  expect(body).toContain('weather')
  if (namesCalls(wire)) expect(body).toContain(CALL_ID)
}

const CHECKS: Readonly<Record<Operation, (client: SdkClient, at: At, wire: Wire) => Promise<void>>> = {
  whole: async (client, at) => expect(await client.whole(at)).toEqual(heard(client) as never),
  stream: async (client, at) => expect(await client.stream(at)).toEqual(heard(client) as never),
  tools: async (client, at, wire) => checkRound(wire, await client.tools(at)),
  streamedTools: async (client, at, wire) => checkRound(wire, await client.streamedTools(at)),
  structured: async (client, at) => expect(await client.structured(at)).toEqual(PERSON),
  vision: async (client, at, wire) => {
    expect(await client.vision(at)).toBe(PICTURE)
    expect(gateway.lastAsked(wire.name).body).toContain(PNG)
  },
  errors: async (client, at) => expect(await client.errors(at)).toEqual(client.words.errors),
  abort: async (client, at, wire) => {
    expect(HELLO).toStartWith(await client.abort(at))
    const asked = gateway.lastAsked(wire.name)
    // The test's own deadline bounds this.
    while (!asked.cancelled) await new Promise((resolve) => setImmediate(resolve))
  },
}

for (const row of CLIENT_ROWS) {
  if (row.language !== 'Node') continue
  const client = CLIENTS[row.id]
  describe(`Node: ${row.title}`, () => {
    for (const wire of MATRIX_WIRES)
      for (const operation of OPERATIONS)
        test(`${operation} before ${wire.name}`, async () => {
          const at = { url: gateway.url, key: gateway.key, model: `m-${wire.name}` }
          await CHECKS[operation](client, at, wire)
          const cell = `${row.id} ${wire.name}`
          worked.set(cell, (worked.get(cell) ?? 0) + 1)
        }, 10_000)
  })
}
