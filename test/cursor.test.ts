// Cursor at the address of chat completions: its agent sends a conversation as Responses write it, its questions mix the two
// forms of tools (written after public accounts of what it sends, December 2025 and July 2026). Both are answered as chat completions.
import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '../src/core/json.ts'
import { COMMAND, NOTE, PROMPT } from './agents/agents.ts'
import { startAgentGateway } from './agents/gateway.ts'
import type { AgentGateway } from './agents/gateway.ts'
import { AGENT_WIRES } from './agents/upstream.ts'
import { dataOf, DIALECTS } from './recorded/dialects.ts'
import { CALL_ID } from './sdk/spoken.ts'

const PARAMETERS = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] }
const FLAT = { type: 'function', name: 'shell_command', description: 'Runs a command.', parameters: PARAMETERS }
const PATCH = {
  type: 'custom',
  name: 'ApplyPatch',
  description: 'Edits files.',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
}

/** The two requests of a conversation, the second with the call that came. */
type Form = (call: { readonly id: string; readonly json: string } | null) => JsonObject

const agent: Form = (call) => ({
  model: 'm',
  stream: true,
  store: false,
  max_output_tokens: 5_000,
  reasoning: { effort: 'medium', summary: 'auto' },
  include: ['reasoning.encrypted_content'],
  input: [
    { role: 'system', content: 'You are a coding agent.' },
    { role: 'user', content: [{ type: 'input_text', text: PROMPT }] },
    ...(call === null
      ? []
      : [
          { type: 'function_call', call_id: call.id, name: FLAT.name, arguments: call.json },
          { type: 'function_call_output', call_id: call.id, output: NOTE.text },
        ]),
  ],
  tools: [FLAT, PATCH],
  tool_choice: 'auto',
})

const question: Form = (call) => ({
  model: 'm',
  stream: true,
  stream_options: { include_usage: true },
  messages: [
    { role: 'system', content: 'You are a coding agent.' },
    { role: 'user', content: [{ type: 'text', text: PROMPT }] },
    ...(call === null
      ? []
      : [
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: call.id, type: 'function', function: { name: FLAT.name, arguments: call.json } }],
          },
          { role: 'tool', tool_call_id: call.id, content: NOTE.text },
        ]),
  ],
  tools: [{ type: 'function', function: { name: 'read_file', parameters: PARAMETERS } }, FLAT],
})

async function ask(gateway: AgentGateway, body: JsonObject) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  expect([response.status, text]).toEqual([200, expect.stringContaining('chat.completion.chunk') as string])
  const oracle = DIALECTS.find(({ name }) => name === 'openai-chat')?.oracle
  return oracle?.stream(dataOf(text)) ?? expect.unreachable('there is no such dialect')
}

describe.each([
  ['its agent', agent],
  ['its questions', question],
])('%s', (_what, form) => {
  test.each(AGENT_WIRES.map((wire) => [wire.name, wire] as const))('works on before %s', async (name, wire) => {
    await using gateway = await startAgentGateway(wire)
    const called = await ask(gateway, form(null))
    const [call] = called.toolCalls
    expect(call).toMatchObject({ name: FLAT.name, arguments: { command: COMMAND } })
    const said = await ask(gateway, form({ id: call?.id ?? '', json: JSON.stringify(call?.arguments) }))
    expect(said.text).toBe(NOTE.answer)
    expect(gateway.sawResult()).toBe(true)
    if (name !== 'gemini') expect(gateway.asked[1]?.split(CALL_ID).length).toBeGreaterThanOrEqual(3)
  })
})

test('a response that one goes on from is not to be had there', async () => {
  const [wire] = AGENT_WIRES
  if (wire === undefined) expect.unreachable('there are no wires')
  await using gateway = await startAgentGateway(wire)
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify({ ...agent(null), previous_response_id: 'resp_1' }),
  })
  expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('/v1/responses') as string])
})
