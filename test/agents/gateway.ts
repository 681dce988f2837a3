// A gateway before one fake model, which writes down what an agent sends.
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import { isObject } from '../../src/core/json.ts'
import { startGateway, startUpstream } from '../gateway.ts'
import { streamBytes } from '../recorded/wires.ts'
import { PROMPT } from './agents.ts'
import { CALL_DESCRIPTION, hasResult, saidToAgent } from './upstream.ts'
import type { AgentWire } from './upstream.ts'

/** One request of an agent, cut down to its form. */
export type AgentRequest = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

export type AgentGateway = AsyncDisposable & {
  readonly url: string
  readonly key: string
  /** The route to the fake model. */
  readonly model: string
  /** What the model was asked, oldest first. */
  readonly asked: readonly string[]
  /** Whether the model was told the result of its call. */
  sawResult(): boolean
  /** The conversation as a case for the tests. */
  recording(agent: string): string
}

/** As the fake model calls itself: Claude Code forgets the thoughts of a model that answers by another name. */
const MODEL = 'm'
/** Some clients take only names that they know. */
const KNOWN_MODEL = 'claude-sonnet-4-5'

export async function startAgentGateway(wire: AgentWire): Promise<AgentGateway> {
  const asked: string[] = []
  const upstream = startUpstream((request, _number, body) => {
    asked.push(body)
    const said = saidToAgent(body)
    const { pathname } = new URL(request.url)
    const isStream = /(?:streamGenerateContent|-stream)$/.test(pathname) || /"stream": ?true/.test(body)
    if (!isStream) return Response.json(wire.format.whole(said))
    const bytes = streamBytes(wire.framing, wire.format.stream(said))
    const isAws = wire.framing.framing === 'aws-event-stream'
    const type = isAws ? 'application/vnd.amazon.eventstream' : 'text/event-stream'
    return new Response(bytes, { headers: { 'content-type': type } })
  })
  const weir = await startGateway(
    `providers:\n  up: { ${wire.provider}, base_url: "${upstream.url}/v1", models: { "${wire.model}": {} } }\nroutes:\n${[MODEL, KNOWN_MODEL].map((name) => `  ${name}: { targets: ["up/${wire.model}"] }\n`).join('')}`,
  )
  const requests: AgentRequest[] = []
  const front = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const body = await request.text()
      const { pathname, search } = new URL(request.url)
      if (body.startsWith('{'))
        requests.push({
          path: pathname + search,
          headers: telling(request.headers),
          body: JSON.parse(body) as JsonObject,
        })
      const { method, headers } = request
      return weir.gateway.fetch(new Request(request.url, { method, headers, ...(body === '' ? {} : { body }) }))
    },
  })
  return {
    url: `http://127.0.0.1:${front.port}`,
    key: weir.key,
    model: MODEL,
    asked,
    sawResult: () => asked.some(hasResult),
    recording: (agent) => `${JSON.stringify({ agent, wire: wire.name, requests: conversation(requests) }, null, 1)}\n`,
    async [Symbol.asyncDispose]() {
      void front.stop(true)
      await weir[Symbol.asyncDispose]()
      upstream[Symbol.dispose]()
    },
  }
}

const TELLING = ['anthropic-beta', 'anthropic-version', 'x-goog-api-client', 'openai-beta']

function telling(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    TELLING.flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, value]]
    }),
  )
}

/** The requests about the task, in which the shell is offered. */
function conversation(requests: readonly AgentRequest[]): readonly AgentRequest[] {
  return requests
    .filter(({ body }) => JSON.stringify(body).includes(PROMPT) && Array.isArray(body['tools']))
    .map(({ path, headers, body }) => ({ path, headers, body: cut(body) as JsonObject }))
}

const KEPT_WHOLE = new Set(['signature', 'data', 'encrypted_content', 'thoughtSignature', 'arguments', 'call_id', 'id'])
const PRIVATE = new Set(['user_id', 'session_id', 'prompt_cache_key', 'client_metadata'])
const LONGEST = 160
const MOST_TOOLS = 3

/** The same form with short texts, few tools and nobody's names. */
function cut(value: JsonValue, name = ''): JsonValue {
  if (PRIVATE.has(name)) return `(${name})`
  // The agents' own prose is not ours to keep; what the fake model said is.
  if (name === 'description' && value !== CALL_DESCRIPTION) return `(${name})`
  if (typeof value === 'string')
    return value.length > LONGEST && !KEPT_WHOLE.has(name) ? `(a text of ${value.length} characters)` : value
  if (Array.isArray(value)) {
    const list = value as readonly JsonValue[]
    return (name === 'tools' || name === 'functionDeclarations' ? fewTools(list) : list).map((one) => cut(one))
  }
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cut(member ?? null, key)]))
}

/** The shell, and a few more of each kind. */
function fewTools(tools: readonly JsonValue[]): readonly JsonValue[] {
  const isShell = (tool: JsonValue): boolean =>
    /"name":"(?:Bash|bash|exec_command|shell\w*|run_shell_command)"/.test(JSON.stringify(tool))
  const kinds = new Map<string, number>()
  return tools.filter((tool) => {
    if (isShell(tool)) return true
    const kind = isObject(tool) ? JSON.stringify(tool['type']) : ''
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    return (kinds.get(kind) ?? 0) < MOST_TOOLS
  })
}
