// The same question again, from the same caller, within minutes: the answer before did not do. Only hashes are held.
//
// A program that sends one prompt over and over is no unhappy reader: a question that comes a third time tells nothing any more.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { AnsweredRequest } from '../core/evidence.ts'
import type { ChatRequest } from '../core/chat.ts'
import { textOf } from '../core/chat.ts'
import { sampleOf } from './prompt.ts'

export interface RetryWatch {
  /** The request whose answer is asked for again by this one; null: none. Remembers this one. */
  asksAgain(
    request: ChatRequest,
    about: AnsweredRequest,
    asker: { readonly endUser: string | null; readonly session: string | null },
  ): AnsweredRequest | null
}

const WITHIN_MS = 600_000
const MAX_REMEMBERED = 10_000
/** A shorter question (“yes”, “go on”) is asked in many places. */
const MIN_CHARACTERS = 20
const MAX_TIMES = 2
const ALIKE = 0.95
const SHINGLE_WORDS = 3
const MAX_SHINGLES = 256

type Remembered = { readonly about: AnsweredRequest; readonly shingles: ReadonlySet<number>; times: number }

export function createRetryWatch(): RetryWatch {
  const remembered = new LRUCache<string, Remembered>(atMost(MAX_REMEMBERED))
  return {
    asksAgain(request, about, { endUser, session }) {
      const position = request.messages.findLastIndex(({ role }) => role === 'user')
      const text = normal(textOf(request.messages[position]?.parts ?? []))
      // Only the end of the conversation can be asked again.
      if (text.length < MIN_CHARACTERS || position !== request.messages.length - 1) return null
      const context = request.messages
        .slice(0, position)
        .reduce((hash, { role, parts }) => hashOf(`${hash} ${role} ${sampleOf(textOf(parts))}`), 0)
      const place = `${about.keyId} ${endUser ?? ''} ${session ?? ''} ${context}`
      const shingles = shinglesOf(text)
      const last = remembered.get(place)
      const isAgain =
        last !== undefined &&
        about.at >= last.about.at &&
        about.at - last.about.at <= WITHIN_MS &&
        areAlike(shingles, last.shingles)
      const times = isAgain ? last.times + 1 : 1
      remembered.set(place, { about, shingles, times })
      return isAgain && times <= MAX_TIMES ? last.about : null
    },
  }
}

function normal(text: string): string {
  return sampleOf(text).toLowerCase().replaceAll(/\s+/g, ' ').trim()
}

function shinglesOf(text: string): ReadonlySet<number> {
  const words = text.split(' ')
  const shingles = new Set<number>()
  for (let at = 0; at === 0 || at + SHINGLE_WORDS <= words.length; at++) {
    shingles.add(hashOf(words.slice(at, at + SHINGLE_WORDS).join(' ')))
    if (shingles.size >= MAX_SHINGLES) break
  }
  return shingles
}

function areAlike(one: ReadonlySet<number>, other: ReadonlySet<number>): boolean {
  let both = 0
  for (const shingle of one) if (other.has(shingle)) both++
  return both >= ALIKE * (one.size + other.size - both)
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
