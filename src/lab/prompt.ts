// What the lab looks at of a request: a bounded sample of its words and a few counts. Whatever a caller sends, looking at it costs the same.
import type { ChatMessage, ChatRequest, Part } from '../core/chat.ts'

/** Texts are samples: at most `MAX_SAMPLE` characters each, from the beginning, the middle and the end. */
export type Prompt = {
  /** Of the system (or developer) messages. */
  readonly system: string
  /** Of the last message in which the user says something. */
  readonly text: string
  /** Characters of all messages, unsampled. */
  readonly characters: number
  /** Messages of the user. */
  readonly turns: number
  /** Tools that the model may call: 0 when the caller forbids it. */
  readonly tools: number
  /** The last message brings the result of a tool: the request is a step inside a tool loop. */
  readonly isToolStep: boolean
  readonly format: 'text' | 'json' | 'json_schema'
  readonly images: number
  readonly sounds: number
  readonly files: number
}

/** Characters that are looked at of one text. */
const MAX_SAMPLE = 3_072
const HEAD = 1_536
const MIDDLE = 512
/** The parts of one message that are looked at; more come only from machines. */
const MAX_PARTS = 256

/** A prompt that is nothing but a text. */
export function promptOfText(text: string, system = ''): Prompt {
  return {
    system: sampleOf(system),
    text: sampleOf(text),
    characters: text.length + system.length,
    turns: 1,
    tools: 0,
    isToolStep: false,
    format: 'text',
    images: 0,
    sounds: 0,
    files: 0,
  }
}

/** Reads a request in the normal form. It does not keep the request. */
export function promptOf(request: ChatRequest): Prompt {
  const media = { images: 0, sounds: 0, files: 0 }
  const system: string[] = []
  let characters = 0
  let turns = 0
  for (const message of request.messages) {
    characters += charactersOf(message.parts, media)
    if (message.role === 'user') turns++
    else if (message.role === 'system' || message.role === 'developer') system.push(textOfParts(message.parts))
  }
  return {
    system: sampleOf(system.length === 1 ? system[0]! : system.join('\n')),
    text: sampleOf(lastWords(request.messages)),
    characters,
    turns,
    tools: request.toolChoice?.type === 'none' ? 0 : request.tools.length,
    isToolStep: bringsToolResult(request.messages.at(-1)),
    format: request.responseFormat?.type ?? 'text',
    ...media,
  }
}

/** The text itself, or its beginning, middle and end when it is long. */
export function sampleOf(text: string): string {
  if (text.length <= MAX_SAMPLE) return text
  const middle = Math.floor((text.length - MIDDLE) / 2)
  const tail = MAX_SAMPLE - HEAD - MIDDLE - 2
  return `${text.slice(0, HEAD)}\n${text.slice(middle, middle + MIDDLE)}\n${text.slice(-tail)}`
}

function lastWords(messages: readonly ChatMessage[]): string {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]!
    if (message.role !== 'user') continue
    const text = textOfParts(message.parts)
    if (text !== '') return text
  }
  return ''
}

function bringsToolResult(message: ChatMessage | undefined): boolean {
  return message !== undefined && message.parts.some((part) => part.type === 'tool_result')
}

/** The beginning and the end of a message of very many parts. */
function textOfParts(parts: readonly Part[]): string {
  const looked = parts.length <= MAX_PARTS ? parts : [...parts.slice(0, MAX_PARTS / 2), ...parts.slice(-MAX_PARTS / 2)]
  let text = ''
  for (const part of looked) if (part.type === 'text') text += text === '' ? part.text : `\n${part.text}`
  return text
}

/** Characters of the texts, tool calls and tool results; counts media on the way. */
function charactersOf(parts: readonly Part[], media: { images: number; sounds: number; files: number }): number {
  let characters = 0
  for (const part of parts) {
    switch (part.type) {
      case 'text':
      case 'reasoning':
      case 'refusal':
        characters += part.text.length
        break
      case 'tool_call':
      case 'hosted_call':
        characters += part.arguments.length
        break
      case 'tool_result':
        characters += charactersOf(part.parts, media)
        break
      case 'image':
        media.images++
        break
      case 'audio':
        media.sounds++
        break
      case 'video':
      case 'file':
        media.files++
        break
      case 'opaque':
        break
    }
  }
  return characters
}
