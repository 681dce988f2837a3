// Functions in namespaces, as Codex groups its own: other formats know functions only. Each is offered under one name, and
// a call of it leaves under its own name and namespace again.
//
// The name is the function's own where no other tool of the request has it, else the namespace stands before it.
import type { ChatMessage, Part, ToolCallPart } from '../core/chat.ts'
import type { JsonObject } from '../core/json.ts'
import { objectsOf, stringOf } from '../core/json-read.ts'

const FAMILY = 'openai-responses'
/** The longest name that all providers take. */
const LONGEST_NAME = 64

type Place = { readonly name: string; readonly namespace: string }

export type Namespaces = {
  /** The name under which a function of a namespace is offered. */
  readonly nameOf: (place: Place) => string
  /** The call as the client's own function. */
  readonly restored: (part: ToolCallPart) => ToolCallPart
}

/** The namespaces among the tools of a request; null when there are none. */
export function namespacesOf(body: JsonObject | undefined): Namespaces | null {
  const tools = body === undefined ? [] : objectsOf(body, 'tools')
  const spaces = tools.filter((tool) => stringOf(tool, 'type') === 'namespace')
  if (spaces.length === 0) return null
  const counts = new Map<string, number>()
  for (const tool of tools.flatMap((one) => (spaces.includes(one) ? objectsOf(one, 'tools') : [one]))) {
    const name = stringOf(tool, 'name') ?? ''
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const nameOf = ({ name, namespace }: Place): string =>
    counts.get(name) === 1 ? name : `${namespace}__${name}`.slice(-LONGEST_NAME)
  const places = new Map<string, Place>()
  for (const space of spaces) {
    const namespace = stringOf(space, 'name') ?? ''
    for (const tool of objectsOf(space, 'tools')) {
      const place = { name: stringOf(tool, 'name') ?? '', namespace }
      places.set(nameOf(place), place)
    }
  }
  return {
    nameOf,
    restored(part) {
      const place = places.get(part.name)
      if (place === undefined) return part
      const own = { ...part.raw?.[FAMILY], namespace: place.namespace }
      return { ...part, name: place.name, raw: { ...part.raw, [FAMILY]: own } }
    },
  }
}

/** The tools of a request with each function of a namespace as one of its own. */
export function withoutNamespaces(tools: readonly JsonObject[], namespaces: Namespaces | null): readonly JsonObject[] {
  if (namespaces === null) return tools
  return tools.flatMap((tool) => {
    if (stringOf(tool, 'type') !== 'namespace') return [tool]
    const namespace = stringOf(tool, 'name') ?? ''
    return objectsOf(tool, 'tools').map((inner) => ({
      ...inner,
      name: namespaces.nameOf({ name: stringOf(inner, 'name') ?? '', namespace }),
    }))
  })
}

/** Earlier calls, and the results that name them, under the names that are offered now. */
export function callsRenamed(messages: readonly ChatMessage[], namespaces: Namespaces | null): readonly ChatMessage[] {
  if (namespaces === null) return messages
  const names = new Map<string, string>()
  return messages.map((message) => ({
    ...message,
    parts: message.parts.map((part) => renamed(part, namespaces, names)),
  }))
}

function renamed(part: Part, { nameOf }: Namespaces, names: Map<string, string>): Part {
  if (part.type === 'tool_result') return { ...part, toolName: names.get(part.toolCallId) ?? part.toolName }
  if (part.type !== 'tool_call') return part
  const { namespace, ...own } = part.raw?.[FAMILY] ?? {}
  if (typeof namespace !== 'string') return part
  const name = nameOf({ name: part.name, namespace })
  names.set(part.id, name)
  return { ...part, name, raw: { ...part.raw, [FAMILY]: own } }
}
