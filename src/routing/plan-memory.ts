// What planning remembers from request to request: how far each route's draw has come, when a deployment was last asked
// and for how many requests it is, and where conversations are. Bounded: by the routes, by the known deployments, by the
// requests under way, by a number of conversations.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'

export interface PlanMemory {
  /** 0–1: the next draw of a route. Draws in a row are spread evenly, so that shares are met by few requests already. */
  nextDraw(routeName: string): number
  /** What `nextDraw` would give, without taking it. */
  peekDraw(routeName: string): number
  /** Time since a deployment was last asked first, ms; Infinity where it never was. */
  idleMs(deploymentId: string): number
  /** A deployment stands first in a plan that is carried out; what it returns is called once, when the request is over. */
  asked(deploymentId: string): () => void
  /** Requests that are under way in whose plans a deployment stands first: also those of which nothing has been sent yet. */
  planned(deploymentId: string): number
  /** Where a conversation was answered last; null where it is not known (any more). */
  lastOf(conversation: number): { readonly deploymentId: string; readonly isWarm: boolean } | null
  /** A deployment has answered in a conversation. */
  answered(conversation: number, deploymentId: string): void
}

/** How long a provider keeps a prompt in its cache at least. */
const WARM_MS = 300_000
const MAX_CONVERSATIONS = 20_000
const MAX_DEPLOYMENTS = 10_000
/** Steps of the golden ratio never come near to where they have been: the evenest way to go round. */
const STEP = 0.618_033_988_749_894_9

export function createPlanMemory({ monotonicMs }: { readonly monotonicMs: () => number }): PlanMemory {
  const draws = new LRUCache<string, number>(atMost(MAX_DEPLOYMENTS))
  const planned = new Map<string, number>()
  const askedMs = new LRUCache<string, number>(atMost(MAX_DEPLOYMENTS))
  const conversations = new LRUCache<number, { deploymentId: string; atMs: number }>(atMost(MAX_CONVERSATIONS))

  function peekDraw(routeName: string): number {
    return draws.get(routeName) ?? STEP / 2
  }

  return {
    nextDraw(routeName) {
      const draw = peekDraw(routeName)
      draws.set(routeName, (draw + STEP) % 1)
      return draw
    },
    peekDraw,
    idleMs: (deploymentId) => monotonicMs() - (askedMs.get(deploymentId) ?? Number.NEGATIVE_INFINITY),
    asked(deploymentId) {
      askedMs.set(deploymentId, monotonicMs())
      planned.set(deploymentId, (planned.get(deploymentId) ?? 0) + 1)
      return () => {
        const left = (planned.get(deploymentId) ?? 1) - 1
        if (left > 0) planned.set(deploymentId, left)
        else planned.delete(deploymentId)
      }
    },
    planned: (deploymentId) => planned.get(deploymentId) ?? 0,
    lastOf(conversation) {
      const last = conversations.get(conversation)
      return last === undefined
        ? null
        : { deploymentId: last.deploymentId, isWarm: monotonicMs() - last.atMs <= WARM_MS }
    },
    answered: (conversation, deploymentId) =>
      void conversations.set(conversation, { deploymentId, atMs: monotonicMs() }),
  }
}
