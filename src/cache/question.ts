// What a chat asks last, apart from everything around it: the question that may have been asked in other words, and the
// rest (instructions, tools, earlier turns, settings), which must be the same.
import type { Call } from '../core/call.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'

export type Question = {
  readonly text: string
  /** The call with the question left out. */
  readonly rest: Call
}

/** Where the turns of a dialect are; a bare text there is one turn of the user. */
const TURNS = ['messages', 'contents', 'input'] as const
/** Longer questions are documents: near in meaning says little of them. */
const MOST_CHARACTERS = 8_000

/** Null: the call ends with something else than plain words of its user, such as a picture or the result of a tool. */
export function questionOf(call: Call): Question | null {
  if (call.operation !== 'chat' && call.operation !== 'responses') return null
  const { body } = call
  const name = TURNS.find((one) => body[one] !== undefined)
  if (name === undefined) return null
  const turns = body[name]
  if (typeof turns === 'string') return questionIn(call, name, turns, [])
  if (!Array.isArray(turns)) return null
  const last = (turns as readonly JsonValue[]).at(-1)
  if (!isObject(last) || last['role'] !== 'user') return null
  const text = textOf(last['content'] ?? last['parts'])
  return text === null ? null : questionIn(call, name, text, (turns as readonly JsonValue[]).slice(0, -1))
}

function questionIn(call: Call, name: string, text: string, before: readonly JsonValue[]): Question | null {
  if (text.trim() === '' || text.length > MOST_CHARACTERS) return null
  const body: JsonObject = { ...call.body, [name]: before }
  return { text, rest: { ...call, body, text: JSON.stringify(body) } }
}

/** Plain words; null: there is something else. */
function textOf(content: JsonValue | undefined): string | null {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return null
  const texts: string[] = []
  for (const part of content as readonly JsonValue[]) {
    if (!isObject(part) || typeof part['text'] !== 'string') return null
    const { type } = part
    if (type !== undefined && type !== 'text' && type !== 'input_text') return null
    texts.push(part['text'])
  }
  return texts.join('\n')
}
