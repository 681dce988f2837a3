// What real coding agents sent, recorded (`npm run agents -- --record`), goes through the wires of other vendors: the model
// gets its own ids and proofs back to the letter, and what the client marked as cacheable is marked there, too.
import { describe, expect, test } from 'bun:test'
import { NOTE } from './agents/agents.ts'
import { startAgentGateway } from './agents/gateway.ts'
import { CONVERSATIONS, secondRequest } from './agents/replay.ts'
import type { Conversation } from './agents/replay.ts'
import { AGENT_WIRES, THOUGHT } from './agents/upstream.ts'
import type { AgentWire } from './agents/upstream.ts'
import { DIALECTS, dataOf } from './recorded/dialects.ts'
import { CALL_ID } from './sdk/spoken.ts'

/** Calls have no ids in Gemini's own answers, and no proofs in OpenAI's chat. */
const HAS_IDS = (wire: AgentWire): boolean => wire.name !== 'gemini'
const HAS_PROOFS = (wire: AgentWire): boolean => wire.name !== 'openai'

/** How each wire marks what may be cached, where it can; OpenAI and Gemini cache by themselves. */
const CACHE_MARKS: Readonly<Record<string, string>> = {
  anthropic: '"cache_control":{"type":"ephemeral"}',
  bedrock: '"cachePoint"',
}

async function ask(gateway: { readonly url: string; readonly key: string }, { requests }: Conversation, body: object) {
  const { path = '', headers = {} } = requests[0] ?? {}
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  expect([response.status, text]).toEqual([200, text])
  return text
}

/** The text of a stream in the words of the agent's dialect. */
function saidIn({ requests }: Conversation, sse: string): string {
  const path = requests[0]?.path ?? ''
  const name = Object.entries(PATHS).find(([start]) => path.startsWith(start))?.[1]
  const dialect = DIALECTS.find((one) => one.name === name)
  return dialect?.oracle.stream(dataOf(sse)).text ?? ''
}

const PATHS = {
  '/v1/chat/completions': 'openai-chat',
  '/v1/messages': 'anthropic-messages',
  '/v1/responses': 'openai-responses',
  '/v1beta/': 'gemini',
}

for (const conversation of CONVERSATIONS)
  describe(`${conversation.agent}, recorded`, () => {
    test('has two requests: the task, and the result of a call', () => {
      expect(conversation.requests).toHaveLength(2)
      expect(JSON.stringify(conversation.requests[1])).toContain(NOTE.text)
    })

    for (const wire of AGENT_WIRES)
      test(`works on before ${wire.name}, with ids, proofs and marks`, async () => {
        await using gateway = await startAgentGateway(wire)
        const first = await ask(gateway, conversation, conversation.requests[0]?.body ?? {})
        const second = await ask(gateway, conversation, secondRequest(conversation, first))
        expect(saidIn(conversation, second)).toBe(NOTE.answer)
        const [asked = '', answered = ''] = gateway.asked
        expect(gateway.sawResult()).toBe(true)
        if (HAS_IDS(wire)) expect(answered.split(CALL_ID).length - 1).toBeGreaterThanOrEqual(2)
        if (HAS_PROOFS(wire)) expect(answered).toContain(THOUGHT.proof)
        const mark = CACHE_MARKS[wire.name]
        if (mark !== undefined && JSON.stringify(conversation.requests).includes('cache_control'))
          for (const body of [asked, answered]) expect(body).toContain(mark)
      })
  })
