// Requests at the address of chat completions that are written, in whole or in part, as OpenAI's Responses are. Cursor sends
// both: its agent a conversation in `input`, its questions tools that have no `function` of their own. No host of chat
// completions takes them, so they are read as what they are, and answered as chat completions.
import { isObject } from '../json.ts'
import type { JsonObject } from '../json.ts'

/** The whole request is one of Responses. */
export function isResponsesForm(body: JsonObject): boolean {
  return body['messages'] === undefined && body['input'] !== undefined
}

/** A tool as Responses write it: its fields stand beside its type. */
export function isFlatTool(tool: JsonObject): boolean {
  const { type } = tool
  return (type === 'function' || type === 'custom') && tool[type] === undefined && typeof tool['name'] === 'string'
}

/** Whether a host of chat completions understands the request as it is. */
export function isChatForm(body: JsonObject): boolean {
  if (isResponsesForm(body)) return false
  const { tools } = body
  return !Array.isArray(tools) || !tools.some((tool) => isObject(tool) && isFlatTool(tool))
}
