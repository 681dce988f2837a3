// Keeps prompts and answers where the operator or the key says so; see privacy.ts for the modes. A no-store request is never kept.
//
// What is to be kept waits a moment and is written in groups. It is bounded: while the store is away what comes is lost, and counted.
import type { PromptsConfig } from '../config/schema-prompts.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import type { ChatRequest } from '../core/chat.ts'
import { textOf } from '../core/chat.ts'
import type { Clock } from '../core/clock.ts'
import { isObject, type JsonValue } from '../core/json.ts'
import type { KeptPrompt } from '../core/kept-prompt.ts'
import type { PromptStore } from '../store/store.ts'
import type { Answered, SampleConsumer } from './answered.ts'
import { withoutPersonalData } from './personal-data.ts'
import { promptModeOf } from './privacy.ts'

export type PromptKeeperTools = {
  readonly store: PromptStore
  readonly clock: Clock
  readonly config: () => PromptsConfig
  /** Keyed. */
  readonly hash: (text: string) => string
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string
  readonly onError: (error: unknown) => void
}

export interface PromptKeeper extends SampleConsumer {
  counts(): { readonly kept: number; readonly lost: number }
  flush(): Promise<void>
  stop(): void
}

const FLUSH_MS = 1_000
const GROUP = 100
const MAX_PENDING_CHARACTERS = 16 * 1024 * 1024

export function createPromptKeeper(tools: PromptKeeperTools): PromptKeeper {
  const { store, clock, config, onError } = tools
  const pending: KeptPrompt[] = []
  let pendingCharacters = 0
  let kept = 0
  let lost = 0
  let cancel: (() => void) | null = null
  let writing: Promise<void> = Promise.resolve()
  let isStopped = false

  async function write(): Promise<void> {
    while (pending.length > 0) {
      const group = pending.slice(0, GROUP)
      await store.putPrompts(group)
      pending.splice(0, group.length)
      for (const { characters } of group) pendingCharacters -= characters
      kept += group.length
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(write, write)
    return writing
  }

  function later(): void {
    if (isStopped) return
    cancel ??= clock.after(FLUSH_MS, () => {
      cancel = null
      flush().catch((error: unknown) => {
        onError(error)
        later()
      })
    })
  }

  return {
    name: 'prompts',
    wants: (_route, caller) => promptModeOf(caller, config().keep) !== 'off',
    take(answered) {
      const prompt = keptPrompt(answered, tools)
      if (prompt === null) return
      if (pendingCharacters + prompt.characters > MAX_PENDING_CHARACTERS) {
        lost++
        return
      }
      pending.push(prompt)
      pendingCharacters += prompt.characters
      later()
    },
    counts: () => ({ kept, lost }),
    flush,
    stop() {
      isStopped = true
      cancel?.()
      cancel = null
    },
  }
}

/** Null: nothing of it is to be kept. */
function keptPrompt(answered: Answered, { config, hash, redact }: PromptKeeperTools): KeptPrompt | null {
  const { requestId, at, caller, endUser, route, deployment, request, answer, promptMode } = answered
  const { share, maxSizeBytes } = config()
  if (promptMode === 'off') return null
  const mode = promptMode === 'sampled' ? (drawOf(requestId) < share ? 'full' : 'hashed') : promptMode
  const content = withoutMedia({ request, answer: answer.type === 'read' ? answer.answer : null })
  const characters = JSON.stringify(content).length
  const isHashed = mode === 'hashed' || characters > maxSizeBytes
  return {
    requestId,
    at,
    keyId: caller.key.id,
    teamId: caller.key.teamId,
    endUser,
    route,
    deployment,
    mode: isHashed ? 'hashed' : mode,
    hashes: { prompt: hash(JSON.stringify(content.request.messages)), system: hash(systemOf(request)) },
    characters: isHashed ? 0 : characters,
    content: isHashed ? null : mode === 'redacted' ? withoutPrivate(content, redact) : content,
  }
}

type Content = { readonly request: ChatRequest; readonly answer: ChatAnswer | null }

function systemOf({ messages }: ChatRequest): string {
  return messages
    .flatMap(({ role, parts }) => (role === 'system' || role === 'developer' ? [textOf(parts)] : []))
    .join('\n')
}

/** A number of 0 to 1 that is always the same for a request. FNV-1a, with its bits mixed: ids differ in few characters. */
function drawOf(requestId: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < requestId.length; index++)
    hash = Math.imul(hash ^ requestId.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

/** What is large and tells a reader nothing, by the field that holds it: media, and what only its maker can read. */
const LEFT_OUT = new Set(['data', 'encrypted', 'signature', 'raw', 'rawUsage', 'logprobs'])
/** Words of the form itself. */
const STRUCTURE = new Set([
  'type',
  'role',
  'family',
  'mediaType',
  'id',
  'toolCallId',
  'name',
  'toolName',
  'unified',
  'kind',
  'model',
])

const WALK = Symbol('walk')

/** A value of JSON with every text and number in it changed; `undefined` takes a member out. */
function changed(value: JsonValue, change: Change, field = ''): JsonValue | undefined {
  if (Array.isArray(value)) return value.map((item) => changed(item as JsonValue, change, field) ?? null)
  if (!isObject(value)) return change.leaf(value, field)
  const members: Record<string, JsonValue> = {}
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    const known = change.member(name, member)
    const next = known === WALK ? changed(member, change, name) : known
    if (next !== undefined) members[name] = next
  }
  return members
}

type Change = {
  readonly leaf: (value: JsonValue, field: string) => JsonValue
  /** What a member becomes without a look at what is in it; `WALK`: that is looked at. */
  readonly member: (name: string, value: JsonValue) => JsonValue | typeof WALK | undefined
}

/** A finish has a word of the provider under `raw`. */
function isLeftOut(name: string, value: JsonValue): boolean {
  return LEFT_OUT.has(name) && !(name === 'raw' && typeof value === 'string')
}

/** The form asks for most of these fields, so they stay with nothing in them. */
function leftOut(name: string): JsonValue | undefined {
  if (name === 'raw') return undefined
  return name === 'data' ? '' : null
}

function withoutMedia(content: Content): Content {
  return changedContent(content, {
    leaf: (value) => value,
    // A schema's properties may have any name, and it is the developer's own.
    member: (name, value) => (name === 'schema' ? value : isLeftOut(name, value) ? leftOut(name) : WALK),
  })
}

function withoutPrivate(content: Content, redact: (text: string) => string): Content {
  const clean = (text: string): string => withoutPersonalData(redact(text))
  const cleanLeaf = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return clean(value)
    return typeof value === 'number' && isSomebodys(value) ? '[number]' : value
  }
  /** Still JSON afterwards. */
  const cleanArguments = (text: string): string => {
    try {
      const value = changed(JSON.parse(text) as JsonValue, { leaf: cleanLeaf, member: () => WALK })
      return JSON.stringify(value)
    } catch {
      return clean(text)
    }
  }
  return changedContent(content, {
    leaf: (value, field) => {
      if (typeof value !== 'string' || STRUCTURE.has(field)) return value
      return field === 'arguments' ? cleanArguments(value) : clean(value)
    },
    member: (name, value) => (name === 'schema' ? value : WALK),
  })
}

/** A card's number, or a telephone number without its plus sign. */
function isSomebodys(value: number): boolean {
  return [`${value}`, `+${value}`].some((text) => withoutPersonalData(text) !== text)
}

/** Both forms are made of JSON alone, and stay what they are. */
function changedContent(content: Content, change: Change): Content {
  return changed(content, change) as unknown as Content
}
