// LangChain's own clients, unchanged, in a conversation with a tool before the wires of all vendors: ids come back, and so do
// proofs of thoughts and cache marks, where the client keeps them.
import { describe, expect, test } from 'bun:test'
import { ChatAnthropic } from '@langchain/anthropic'
import type { AIMessageChunk, BaseMessage } from '@langchain/core/messages'
import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages'
import type { Runnable } from '@langchain/core/runnables'
import { ChatGoogleGenerativeAI } from '@langchain/google-genai'
import { ChatOpenAI } from '@langchain/openai'
import { COMMAND, NOTE, PROMPT } from './agents/agents.ts'
import { startAgentGateway } from './agents/gateway.ts'
import type { AgentGateway } from './agents/gateway.ts'
import { AGENT_WIRES, THOUGHT } from './agents/upstream.ts'
import type { AgentWire } from './agents/upstream.ts'
import { CALL_ID } from './sdk/spoken.ts'

/** In OpenAI's form, which each of the clients takes. */
const TOOL = {
  type: 'function',
  function: {
    name: 'bash',
    description: 'Runs a command.',
    parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
  },
}

type Client = {
  readonly name: string
  readonly make: (gateway: AgentGateway) => Runnable<BaseMessage[], AIMessageChunk>
  /** Wires before which it sends thoughts back with their proofs. */
  readonly keepsProofs: (wire: AgentWire) => boolean
  /** It sends the ids of calls. */
  readonly keepsIds: boolean
  readonly system: SystemMessage
}

/** There are no proofs in OpenAI's chat format, and no ids in Gemini's. */
const hasProofs = ({ name }: AgentWire): boolean => name !== 'openai'
const hasIds = ({ name }: AgentWire): boolean => name !== 'gemini'

/** How a wire marks what may be cached, where it can. */
const CACHE_MARKS: Readonly<Record<string, string>> = { anthropic: '"cache_control"', bedrock: '"cachePoint"' }

const SYSTEM = new SystemMessage('You write notes.')

const CLIENTS: readonly Client[] = [
  {
    name: 'ChatOpenAI',
    make: ({ url, key, model }) =>
      new ChatOpenAI({ model, apiKey: key, maxRetries: 0, configuration: { baseURL: `${url}/v1` } }).bindTools([TOOL]),
    // Its messages have no place for thoughts.
    keepsProofs: () => false,
    keepsIds: true,
    system: SYSTEM,
  },
  {
    name: 'ChatOpenAI, Responses',
    make: ({ url, key, model }) =>
      new ChatOpenAI({
        model,
        apiKey: key,
        maxRetries: 0,
        useResponsesApi: true,
        zdrEnabled: true,
        reasoning: { effort: 'low', summary: 'auto' },
        configuration: { baseURL: `${url}/v1` },
      }).bindTools([TOOL]),
    keepsProofs: hasProofs,
    keepsIds: true,
    system: SYSTEM,
  },
  {
    name: 'ChatAnthropic',
    make: ({ url, key, model }) =>
      new ChatAnthropic({
        model,
        apiKey: key,
        maxRetries: 0,
        anthropicApiUrl: url,
        maxTokens: 4_096,
        thinking: { type: 'enabled', budget_tokens: 1_024 },
      }).bindTools([TOOL]),
    keepsProofs: hasProofs,
    keepsIds: true,
    system: new SystemMessage({
      content: [{ type: 'text', text: 'You write notes.', cache_control: { type: 'ephemeral' } }],
    }),
  },
  {
    name: 'ChatGoogleGenerativeAI',
    make: ({ url, key, model }) =>
      new ChatGoogleGenerativeAI({ model, apiKey: key, maxRetries: 0, baseUrl: url }).bindTools([TOOL]),
    // It keeps signatures of calls and forgets those of thoughts, and ids.
    keepsProofs: ({ name }) => name === 'gemini',
    keepsIds: false,
    system: SYSTEM,
  },
]

type Model = ReturnType<Client['make']>

async function invoked(model: Model, messages: BaseMessage[]): Promise<AIMessageChunk> {
  return model.invoke(messages)
}

async function streamed(model: Model, messages: BaseMessage[]): Promise<AIMessageChunk> {
  let all: AIMessageChunk | null = null
  for await (const chunk of await model.stream(messages)) all = all === null ? chunk : all.concat(chunk)
  return all ?? expect.unreachable('the stream is empty')
}

/** Ids that results name, each of which a call must have. */
function idsOfResults(body: string): readonly string[] {
  return [...body.matchAll(/"(?:tool_use_id|tool_call_id|toolUseId|call_id)":"([^"]+)"/g)].flatMap(([, id]) => id ?? [])
}

describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s', (_name, client) => {
  const cases = AGENT_WIRES.flatMap((wire) =>
    [invoked, streamed].map((ask) => [wire.name, ask.name, wire, ask] as const),
  )
  test.each(cases)('works on before %s, %s', async (_wire, _how, wire, ask) => {
    await using gateway = await startAgentGateway(wire)
    const model = client.make(gateway)
    const messages = [client.system, new HumanMessage(PROMPT)]
    const called = await ask(model, messages)
    const [call] = called.tool_calls ?? []
    expect(call).toMatchObject({ name: 'bash', args: { command: COMMAND } })
    const result = new ToolMessage({ tool_call_id: call?.id ?? '', content: NOTE.text, name: 'bash' })
    expect((await ask(model, [...messages, called, result])).text).toContain(NOTE.answer)
    const [asked = '', answered = ''] = gateway.asked
    expect(gateway.sawResult()).toBe(true)
    for (const id of idsOfResults(answered)) expect(answered.split(`"${id}"`).length - 1).toBeGreaterThanOrEqual(2)
    if (client.keepsIds && hasIds(wire)) expect(idsOfResults(answered)).toContain(CALL_ID)
    if (client.keepsProofs(wire)) expect(answered).toContain(THOUGHT.proof)
    const mark = CACHE_MARKS[wire.name]
    if (mark !== undefined && client.system !== SYSTEM)
      for (const body of [asked, answered]) expect(body).toContain(mark)
  })
})
