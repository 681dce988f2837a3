// Messages of the normal form → system instruction and contents of Gemini's generateContent.
import type { ChatMessage, Part, ToolResultPart } from '../../core/chat.ts'
import { isPutIntoOne } from '../../core/formats/anthropic-blocks.ts'
import { contentParts, isMadeId, responseJson } from '../../core/formats/gemini-parts.ts'
import type { PartWriting } from '../../core/formats/gemini-parts.ts'
import { NO_SIGNATURE } from '../../core/formats/gemini-signatures.ts'
import { isObject } from '../../core/json.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf } from '../../core/json-read.ts'
import type { ModelAbilities } from './models.ts'

const FAMILY = 'gemini'

/** What the writer of a request has to say about it: collected on the way. */
export type Notes = { readonly warnings: string[]; readonly refusals: string[] }

export type Platform = 'ai-studio' | 'vertex'

export type WrittenMessages = { readonly system: readonly JsonObject[]; readonly contents: readonly JsonObject[] }

const NOTHING: JsonObject = {}
const NO_PARTS: readonly JsonObject[] = []

type Turn = { readonly role: 'user' | 'model'; readonly isResult: boolean; readonly parts: JsonObject[] }

type Writer = {
  readonly writing: PartWriting
  readonly abilities: ModelAbilities
  readonly notes: Notes
  /** Names of the calls so far: a result must name the function. */
  readonly names: Map<string, string>
}

/** What stands next to each other in one role is one content; the results of a step stay by themselves. */
export function writeMessages(
  messages: readonly ChatMessage[],
  abilities: ModelAbilities,
  platform: Platform,
  notes: Notes,
): WrittenMessages {
  // Vertex matches results to calls by their order, and refused the field for long; made ids mean nothing to Google.
  const idOf = (id: string): string | null => (platform === 'vertex' || id === '' || isMadeId(id) ? null : id)
  const writer: Writer = { writing: { idOf, foreignThoughts: false }, abilities, notes, names: new Map() }
  const system: JsonObject[] = []
  const turns: Turn[] = []
  for (const message of messages) {
    if (message.role === 'system' || message.role === 'developer') {
      if (turns.length > 0)
        notes.warnings.push('An instruction in the middle of the conversation was moved to its front.')
      system.push(...partsOf(message.parts, writer))
      continue
    }
    const turn: Turn = {
      role: message.role === 'assistant' ? 'model' : 'user',
      isResult: message.role === 'tool',
      parts: message.role === 'tool' ? resultsOf(message.parts, writer) : partsOf(message.parts, writer),
    }
    if (turn.role === 'model') sign(turn.parts, abilities)
    if (turn.parts.length === 0) continue
    const last = turns.at(-1)
    if (last?.role === turn.role && last.isResult === turn.isResult) last.parts.push(...turn.parts)
    else turns.push(turn)
  }
  return begun(system, turns, notes)
}

/** There must be a content, and a call must follow what the user said. */
function begun(system: readonly JsonObject[], turns: readonly Turn[], notes: Notes): WrittenMessages {
  const contents = turns.map(({ role, parts }): JsonObject => ({ role, parts }))
  if (contents.length === 0) {
    notes.warnings.push('There is no message beside the instructions: they are sent as the user’s.')
    return { system: [], contents: [{ role: 'user', parts: system }] }
  }
  const first = turns[0]
  if (first?.role === 'model' && first.parts.some((part) => part['functionCall'] !== undefined)) {
    notes.warnings.push('The conversation does not begin with the user: a turn of the user was put before it.')
    contents.unshift({ role: 'user', parts: [{ text: '…' }] })
  }
  return { system, contents }
}

function partsOf(parts: readonly Part[], writer: Writer): JsonObject[] {
  const { names, notes, writing } = writer
  const sent: readonly Part[] = parts.some(isFile) ? parts.map(readable) : parts
  const written = contentParts(sent, writing, (part) => noteLeftOut(part, notes))
  let at = 0
  for (const part of parts) {
    if (part.type !== 'tool_call') continue
    names.set(part.id, part.name)
    // Calls are written in their order, and none is left out.
    while (at < written.length && written[at]?.['functionCall'] === undefined) at++
    const call = objectOf(written[at++] ?? NOTHING, 'functionCall') ?? NOTHING
    if (isPutIntoOne(objectOf(call, 'args') ?? NOTHING, part))
      notes.warnings.push(`The arguments of the tool call ${part.id} are no JSON object: they were put into one.`)
  }
  return written
}

function noteLeftOut({ type }: Part, notes: Notes): readonly JsonObject[] {
  if (type === 'image' || type === 'audio' || type === 'video' || type === 'file')
    notes.refusals.push(`A ${type} that another vendor keeps cannot be sent to this provider; send its content.`)
  // Another vendor's thoughts mean nothing here, and so does an empty one of its own.
  else if (type !== 'reasoning') notes.warnings.push(`A part of type ${type} is left out.`)
  return NO_PARTS
}

function isFile({ type }: Part): boolean {
  return type === 'file'
}

/** What is text is sent as text, where the API would refuse its media type as bytes. */
function readable(part: Part): Part {
  if (part.type !== 'file' || part.source.type !== 'inline') return part
  const { data, mediaType } = part.source
  if (mediaType !== 'application/json' && mediaType !== 'application/xml') return part
  const text = Buffer.from(data, 'base64').toString('utf8')
  return { ...part, source: { type: 'text', text, mediaType: 'text/plain' } }
}

/** The results of a step: their pictures and files inside, or after all of them where the model does not look there. */
function resultsOf(parts: readonly Part[], writer: Writer): JsonObject[] {
  const results: JsonObject[] = []
  const owed: JsonObject[] = []
  for (const part of parts) {
    if (part.type !== 'tool_result') continue
    const beside = part.parts.filter(isNoText)
    const media = beside.length === 0 ? NO_PARTS : partsOf(beside, writer)
    if (media.length > 0 && !writer.abilities.mediaInResults)
      owed.push({ text: `Of the tool call ${nameOf(part, writer)}:` }, ...media)
    results.push(resultJson(part, writer.abilities.mediaInResults ? media : [], writer))
  }
  return owed.length === 0 ? results : [...results, ...owed]
}

function isNoText({ type }: Part): boolean {
  return type !== 'text'
}

function nameOf(part: ToolResultPart, { names }: Writer): string {
  return part.toolName ?? names.get(part.toolCallId) ?? part.toolCallId
}

function resultJson(part: ToolResultPart, media: readonly JsonObject[], writer: Writer): JsonObject {
  const id = writer.writing.idOf(part.toolCallId)
  const said = { name: nameOf(part, writer), response: responseJson(part) }
  const named = id === null ? said : { id, ...said }
  const result = media.length > 0 ? { ...named, parts: media } : named
  const raw = part.raw?.[FAMILY]
  if (raw === undefined) return { functionResponse: result }
  const { functionResponse: own, ...beside } = raw
  if (!isObject(own)) return { ...beside, functionResponse: result }
  // What stands in it was said in this very format, and could not be told apart from its text.
  return { ...beside, functionResponse: { ...own, ...result, response: own['response'] ?? result.response } }
}

/** The first call of each step must be signed; one that another model made, or whose signature is lost, says so. */
function sign(parts: JsonObject[], { needsSignatures }: ModelAbilities): void {
  if (!needsSignatures) return
  const at = parts.findIndex((part) => part['functionCall'] !== undefined)
  const first = parts[at]
  if (first !== undefined && first['thoughtSignature'] === undefined)
    parts[at] = { ...first, thoughtSignature: NO_SIGNATURE }
}
