// Plays the recorded conversation of an agent to a gateway: its first request as it was, its second with the turn that the
// model really gave this time, put together as the agents put it together.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { isObject } from '../../src/core/json.ts'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import { objectOf, objectsOf, stringOf } from '../../src/core/json-read.ts'
import { dataOf } from '../recorded/dialects.ts'
import type { AgentRequest } from './gateway.ts'

export type Conversation = { readonly agent: string; readonly wire: string; readonly requests: readonly AgentRequest[] }

const FOLDER = path.join(import.meta.dirname, '../cases/agents')

export const CONVERSATIONS: readonly Conversation[] = readdirSync(FOLDER)
  .toSorted()
  .map((file) => JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')) as Conversation)

/** The second request with the model's turn as `sse` tells it, and the result of its call under the id that it has now. */
export function secondRequest({ requests }: Conversation, sse: string): JsonObject {
  const body = requests[1]?.body ?? {}
  const events = dataOf(sse)
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data) as JsonObject)
  if (Array.isArray(body['messages']))
    return events.some((event) => event['type'] === 'message_start')
      ? { ...body, messages: anthropicTurn(objectsOf(body, 'messages'), blocksOf(events)) }
      : { ...body, messages: chatTurn(objectsOf(body, 'messages'), messageOf(events)) }
  if (Array.isArray(body['input'])) return { ...body, input: responsesTurn(objectsOf(body, 'input'), events) }
  return { ...body, contents: geminiTurn(objectsOf(body, 'contents'), events) }
}

type Block = Record<string, JsonValue>

function blocksOf(events: readonly JsonObject[]): readonly Block[] {
  const blocks: Block[] = []
  const inputs: string[] = []
  for (const event of events) {
    const index = Number(event['index'])
    if (event['type'] === 'content_block_start') {
      blocks[index] = { ...(event['content_block'] as Block) }
      inputs[index] = ''
    }
    const block = blocks[index]
    if (event['type'] !== 'content_block_delta' || block === undefined) continue
    const delta = objectOf(event, 'delta') ?? {}
    inputs[index] += stringOf(delta, 'partial_json') ?? ''
    for (const name of ['text', 'thinking', 'signature'])
      if (delta[name] !== undefined) block[name] = (stringOf(block, name) ?? '') + (stringOf(delta, name) ?? '')
  }
  return blocks.map((block, index) =>
    inputs[index] === '' ? block : { ...block, input: JSON.parse(inputs[index] ?? '') as JsonValue },
  )
}

function anthropicTurn(messages: readonly JsonObject[], blocks: readonly Block[]): readonly JsonObject[] {
  const id = blocks.find((block) => block['type'] === 'tool_use')?.['id']
  return messages.map((message) => {
    if (message['role'] === 'assistant') return { ...message, content: blocks }
    const content = message['content']
    if (!Array.isArray(content)) return message
    const withId = (block: JsonValue): JsonValue =>
      isObject(block) && block['type'] === 'tool_result' ? { ...block, tool_use_id: id } : block
    return { ...message, content: (content as readonly JsonValue[]).map(withId) }
  })
}

function messageOf(events: readonly JsonObject[]): JsonObject {
  let call: JsonObject = {}
  let json = ''
  let reasoning = ''
  const details: JsonObject[] = []
  for (const chunk of events) {
    const delta = objectOf(objectsOf(chunk, 'choices')[0] ?? {}, 'delta') ?? {}
    reasoning += stringOf(delta, 'reasoning_content') ?? ''
    details.push(...objectsOf(delta, 'reasoning_details'))
    for (const piece of objectsOf(delta, 'tool_calls')) {
      if (typeof piece['id'] === 'string') call = piece
      json += stringOf(objectOf(piece, 'function') ?? {}, 'arguments') ?? ''
    }
  }
  const { index: _index, ...rest } = call
  const called = { ...rest, function: { name: objectOf(call, 'function')?.['name'] ?? '', arguments: json } }
  return {
    role: 'assistant',
    content: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    tool_calls: [called],
  }
}

function chatTurn(messages: readonly JsonObject[], turn: JsonObject): readonly JsonObject[] {
  const id = objectsOf(turn, 'tool_calls')[0]?.['id'] ?? ''
  return messages.map((message) => {
    if (message['role'] === 'assistant') return turn
    return message['role'] === 'tool' ? { ...message, tool_call_id: id } : message
  })
}

/** The items of the model where its first item stood. */
function responsesTurn(input: readonly JsonObject[], events: readonly JsonObject[]): readonly JsonObject[] {
  const items = events
    .filter(({ type }) => type === 'response.output_item.done')
    .map((event) => objectOf(event, 'item'))
    .filter((item) => item !== null)
  const id = items.find(({ type }) => type === 'function_call')?.['call_id'] ?? ''
  const isOfModel = ({ type }: JsonObject): boolean => type === 'reasoning' || type === 'function_call'
  const first = input.findIndex(isOfModel)
  return input.flatMap((item, index) => {
    if (index === first) return items
    if (isOfModel(item)) return []
    return item['type'] === 'function_call_output' ? [{ ...item, call_id: id }] : [item]
  })
}

/** The CLI leaves thoughts out, keeps signatures on calls, and gives an id of its own to a call that has none. */
function geminiTurn(contents: readonly JsonObject[], events: readonly JsonObject[]): readonly JsonObject[] {
  const parts = events
    .flatMap((event) => objectsOf(event, 'candidates'))
    .flatMap((candidate) => objectsOf(objectOf(candidate, 'content') ?? {}, 'parts'))
    .filter((part) => part['thought'] !== true || part['thoughtSignature'] !== undefined)
    .filter((part) => part['text'] !== '' || part['thoughtSignature'] !== undefined)
  const id =
    parts.map((part) => objectOf(part, 'functionCall')?.['id']).find((given) => given !== undefined) ?? 'made_1'
  const named = parts.map((part): JsonObject => {
    const call = objectOf(part, 'functionCall')
    return call === null ? part : { ...part, functionCall: { ...call, id } }
  })
  return contents.map((content) => {
    if (content['role'] === 'model') return { ...content, parts: named }
    const withId = (part: JsonObject): JsonObject => {
      const response = objectOf(part, 'functionResponse')
      return response === null ? part : { ...part, functionResponse: { ...response, id } }
    }
    return { ...content, parts: objectsOf(content, 'parts').map(withId) }
  })
}
