// A chat answer as it comes: events of blocks, whatever the wire called them.
//
// Order: `start` first and once; then blocks, each `block_start`, any deltas, `block_end`, numbered from 0 within their
// choice (blocks of one choice may overlap: parallel tool calls); `finish` of a choice after its blocks; `end` last and
// once, and only when the wire itself said that it is complete. `usage` may come at any time and often: the last counts.
// `error` ends the stream instead of `end`.
import type { Citation, Part, Raw } from './chat.ts'
import type { Finish, TokenLogprob } from './chat-answer.ts'
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

export type BlockDelta =
  /** More of a text, a reasoning or a refusal. */
  | { readonly type: 'text'; readonly text: string }
  /** More of a tool call's arguments, or of a hosted call's. */
  | { readonly type: 'arguments'; readonly json: string }
  /** The signature of a reasoning, whole. */
  | { readonly type: 'signature'; readonly signature: string }
  /** The encrypted form of a reasoning, whole. */
  | { readonly type: 'encrypted'; readonly data: string }
  | { readonly type: 'citation'; readonly citation: Citation }
  /** More base64 of an audio or an image; a piece is decodable for itself. */
  | { readonly type: 'data'; readonly data: string }
  | { readonly type: 'transcript'; readonly text: string }
  /** A delta that only its family understands: its strings are appended to the block's value, the rest replaces. */
  | { readonly type: 'opaque'; readonly value: JsonObject }

export type ChatHead = {
  readonly id: string | null
  readonly model: string | null
  readonly created: number | null
}

export type ChatEvent =
  | ({ readonly type: 'start' } & ChatHead)
  /** `part` is the block as it stands at its start: its text, arguments and data are usually empty. */
  | { readonly type: 'block_start'; readonly choice: number; readonly block: number; readonly part: Part }
  | { readonly type: 'block_delta'; readonly choice: number; readonly block: number; readonly delta: BlockDelta }
  | { readonly type: 'block_end'; readonly choice: number; readonly block: number }
  | { readonly type: 'logprobs'; readonly choice: number; readonly tokens: readonly TokenLogprob[] }
  | { readonly type: 'finish'; readonly choice: number; readonly finish: Finish }
  | { readonly type: 'usage'; readonly usage: Usage; readonly raw: JsonObject }
  /** Facts about the whole answer that have no event of their own. */
  | { readonly type: 'facts'; readonly serviceTier?: string; readonly raw?: Raw }
  | { readonly type: 'ping' }
  | { readonly type: 'error'; readonly message: string; readonly code: string | null }
  | { readonly type: 'end' }

/** Whether an event holds something a user could see: before the first of these nothing is committed. */
export function isMeaningful(event: ChatEvent): boolean {
  if (event.type === 'block_delta') return true
  return event.type === 'block_start' && event.part.type !== 'text' && event.part.type !== 'reasoning'
}

/** Characters of output in an event: what an estimate is made from when usage is missing. */
export function outputCharacters(event: ChatEvent): number {
  if (event.type === 'block_start')
    return event.part.type === 'tool_call' || event.part.type === 'hosted_call' ? event.part.name.length : 0
  if (event.type !== 'block_delta') return 0
  const { delta } = event
  if (delta.type === 'text' || delta.type === 'transcript') return delta.text.length
  return delta.type === 'arguments' ? delta.json.length : 0
}
