// Requests and answers that are kept because the operator, or the key, says so.
import type { ChatAnswer } from './chat-answer.ts'
import type { ChatRequest } from './chat.ts'

/**
 * `off`: nothing. `hashed`: only hashes and sizes. `sampled`: a share as it is, the rest hashed. `redacted`: without what looks
 * like personal data or a secret. `full`: as it is.
 */
export const PROMPT_MODES = ['off', 'hashed', 'sampled', 'redacted', 'full'] as const
export type PromptMode = (typeof PROMPT_MODES)[number]

export function isPromptMode(value: unknown): value is PromptMode {
  return (PROMPT_MODES as readonly unknown[]).includes(value)
}

export type KeptPrompt = {
  readonly requestId: string
  readonly at: number
  readonly keyId: string
  readonly teamId: string | null
  readonly endUser: string | null
  readonly route: string
  readonly deployment: string | null
  /** How it is kept. */
  readonly mode: 'hashed' | 'redacted' | 'full'
  /** Keyed hashes: who has the store alone cannot try guesses on them. `system` of the system message. */
  readonly hashes: { readonly prompt: string; readonly system: string }
  /** Characters of request and answer together, as JSON. */
  readonly characters: number
  /** Null: it is hashed, or too large. Pictures, sounds and files are left out. */
  readonly content: { readonly request: ChatRequest; readonly answer: ChatAnswer | null } | null
}
