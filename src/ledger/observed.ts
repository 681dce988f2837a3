// What the answers of a deployment were like, for estimates: how long they are, and how many characters a token has.
//
// Lengths lie in a histogram whose steps grow by a fifth, so that the 95th percentile is at most a fifth too high. Old answers
// fade: all counts are halved now and then. What is counted here is never billed where the provider reported something.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import { outputTokens, type Usage } from '../core/usage.ts'
import { tokensOf } from './estimate.ts'

export interface ObservedAnswers {
  /** Output tokens that 95 of 100 answers do not exceed; null before enough were seen. */
  outputP95(deploymentId: string): number | null
  /** Tokens of so many characters of output. */
  tokensOf(deploymentId: string, characters: number): number
  /** A complete answer, with the characters that were counted of it (0: they were not) and the usage that was reported. */
  seen(deploymentId: string, usage: Usage, characters: number): void
}

type Seen = {
  readonly steps: Float64Array
  answers: number
  characters: number
  tokens: number
}

const STEPS = 80
const GROWTH = Math.log(1.2)
/** Fewer answers say nothing about the twentieth part of them. */
const ENOUGH = 20
const FADE_AFTER = 2_000
/** Tokens of counted answers before their length is believed. */
const ENOUGH_TOKENS = 50
const FADE_TOKENS = 1_000_000
const MAX_DEPLOYMENTS = 5_000

export function createObservedAnswers(): ObservedAnswers {
  const known = new LRUCache<string, Seen>(atMost(MAX_DEPLOYMENTS))

  function fade(one: Seen): void {
    if (one.answers >= FADE_AFTER) {
      for (let step = 0; step < STEPS; step++) one.steps[step] = (one.steps[step] ?? 0) / 2
      one.answers /= 2
    }
    if (one.tokens >= FADE_TOKENS) {
      one.tokens /= 2
      one.characters /= 2
    }
  }

  return {
    outputP95(deploymentId) {
      const one = known.get(deploymentId)
      if (one === undefined || one.answers < ENOUGH) return null
      let left = one.answers * 0.05
      for (let step = STEPS - 1; step > 0; step--) {
        left -= one.steps[step] ?? 0
        if (left < 0) return Math.ceil(Math.exp((step + 1) * GROWTH))
      }
      return 1
    },
    tokensOf(deploymentId, characters) {
      const one = known.get(deploymentId)
      if (one === undefined || one.tokens < ENOUGH_TOKENS) return tokensOf(characters)
      return Math.ceil((characters * one.tokens) / one.characters)
    },
    seen(deploymentId, usage, characters) {
      let one = known.get(deploymentId)
      if (one === undefined)
        known.set(deploymentId, (one = { steps: new Float64Array(STEPS), answers: 0, characters: 0, tokens: 0 }))
      const tokens = outputTokens(usage)
      const step = tokens < 1 ? 0 : Math.min(STEPS - 1, Math.floor(Math.log(tokens) / GROWTH))
      one.steps[step] = (one.steps[step] ?? 0) + 1
      one.answers++
      if (characters > 0 && tokens > 0) {
        one.characters += characters
        one.tokens += tokens
      }
      fade(one)
    },
  }
}
