// Input items of OpenAI's Responses → messages of the normal form.
//
// The items of one turn of the model — thoughts, texts, calls — become one message, for most other formats want all calls
// of a turn in it; so do the results that follow each other.
import type { ChatMessage, Part, ToolCallPart, ToolResultPart } from '../core/chat.ts'
import { rawOf } from '../core/chat.ts'
import { GatewayError } from '../core/error.ts'
import { partsOfInput } from '../core/formats/responses-content.ts'
import { partsOfItem } from '../core/formats/responses-items.ts'
import { signaturesOfReasoning } from '../core/formats/responses-reasoning.ts'
import type { CallSignatures } from '../core/formats/responses-reasoning.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { namesOf, restOf, stringOf } from '../core/json-read.ts'

const FAMILY = 'openai-responses'

/** Items that the client or the gateway adds; what else is unknown, a model or its hosted tools have left. */
const ADDED_ITEMS = namesOf('mcp_approval_response compaction compaction_trigger additional_tools')

type Turn = { readonly role: ChatMessage['role']; readonly parts: Part[]; readonly isItem?: true }

/** Throws `request_malformed` with the path of what is no item. */
export function readInput(input: unknown): readonly ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', parts: [{ type: 'text', text: input }] }]
  if (!Array.isArray(input)) return []
  const turns: Turn[] = []
  const names = new Map<string, string>()
  const signatures = new Map<
    string,
    { readonly signature: string; readonly family: NonNullable<ToolCallPart['family']> }
  >()
  for (const [index, item] of input.entries()) {
    const path = `input[${index}]`
    if (!isObject(item)) throw malformed(path, `\`${path}\` must be an object.`)
    for (const [id, signature] of signaturesOfReasoning(item)) signatures.set(id, signature)
    readItem(item, path, turns, names)
  }
  return turns.map(({ role, parts, isItem }) => ({
    role,
    parts: signatures.size === 0 ? parts : parts.map((part) => signed(part, signatures)),
    ...(isItem === true ? rawOf(FAMILY, { is_item: true }) : {}),
  }))
}

function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}

function signed(part: Part, signatures: CallSignatures): Part {
  const signature = part.type === 'tool_call' ? signatures.get(part.id) : undefined
  return signature === undefined || part.type !== 'tool_call' ? part : { ...part, ...signature }
}

function readItem(item: JsonObject, path: string, turns: Turn[], names: Map<string, string>): void {
  const type = stringOf(item, 'type') ?? 'message'
  switch (type) {
    case 'message':
      return readMessage(item, path, turns)
    case 'function_call':
    case 'custom_tool_call': {
      const parts = partsOfItem(item)
      for (const part of parts) if (part.type === 'tool_call') names.set(part.id, part.name)
      return addToTurn(turns, 'assistant', parts)
    }
    case 'reasoning':
      return addToTurn(turns, 'assistant', partsOfItem(item))
    case 'function_call_output':
    case 'custom_tool_call_output':
      return addToTurn(turns, 'tool', [readResult(item, type, names)])
    case 'item_reference':
      throw new GatewayError('unsupported', {
        message: `\`${path}\` refers to the item \`${(stringOf(item, 'id') ?? '').slice(0, 64)}\`, which is not kept here.`,
        param: path,
      })
    default: {
      const isAdded = ADDED_ITEMS.has(type) || type.endsWith('_output')
      const part: Part = { type: 'opaque', family: FAMILY, value: item }
      if (isAdded) turns.push({ role: 'user', parts: [part], isItem: true })
      else addToTurn(turns, 'assistant', [part])
    }
  }
}

function readMessage(item: JsonObject, path: string, turns: Turn[]): void {
  const role = item['role']
  const content = item['content']
  if (typeof content !== 'string' && !Array.isArray(content))
    throw malformed(`${path}.content`, `\`${path}.content\` must be a string or an array.`)
  switch (role) {
    case 'user':
    case 'system':
    case 'developer':
      turns.push({ role, parts: [...partsOfInput(content)] })
      return
    case 'assistant': {
      const parts = partsOfItem({ ...item, type: 'message' })
      const last = turns.at(-1)
      // A second text of the model is a message of its own, unless calls tie it to the turn: they belong together.
      if (last?.role === 'assistant' && endsWithText(last.parts) && !hasCall(last.parts))
        turns.push({ role, parts: [...parts] })
      else addToTurn(turns, role, parts)
      return
    }
    default:
      throw malformed(`${path}.role`, `\`${path}.role\` must be user, assistant, system or developer.`)
  }
}

function endsWithText(parts: readonly Part[]): boolean {
  const type = parts.at(-1)?.type
  return type === 'text' || type === 'refusal'
}

function hasCall(parts: readonly Part[]): boolean {
  return parts.some((part) => part.type === 'tool_call')
}

function addToTurn(turns: Turn[], role: ChatMessage['role'], parts: readonly Part[]): void {
  if (parts.length === 0) return
  const last = turns.at(-1)
  if (last?.role === role && last.isItem !== true) last.parts.push(...parts)
  else turns.push({ role, parts: [...parts] })
}

const RESULT_FIELDS = namesOf('id type call_id output status name')

function readResult(item: JsonObject, type: string, names: ReadonlyMap<string, string>): ToolResultPart {
  const id = stringOf(item, 'call_id') ?? ''
  const rest = restOf(item, RESULT_FIELDS)
  const own = type === 'custom_tool_call_output' ? { ...rest, type } : rest
  return {
    type: 'tool_result',
    toolCallId: id,
    toolName: names.get(id) ?? stringOf(item, 'name'),
    parts: partsOfInput(item['output']),
    isError: false,
    ...rawOf(FAMILY, own),
  }
}
