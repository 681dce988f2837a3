// A thread that trains heads: it takes seconds, which no caller may wait for.
import { labelledPrompts } from './labelled-prompts.ts'
import type { LabelledAnswer } from '../core/evidence.ts'
import type { Heads } from './heads.ts'
import { trainHeads } from './train-heads.ts'

declare const self: {
  postMessage(heads: Heads | null, transferred: ArrayBuffer[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent<HeadJob>) => void): void
}

/** Answers in one piece of memory, which is handed over and not copied. */
export type HeadJob = {
  readonly deployments: readonly string[]
  /** Of each answer: the place of its deployment in the list, its quality, and where its input ends. */
  readonly places: readonly number[]
  readonly qualities: readonly number[]
  readonly ends: readonly number[]
  readonly inputs: Uint8Array<ArrayBuffer>
}

self.addEventListener('message', ({ data }) => {
  const { deployments } = data
  const heads = trainHeads(labelledPrompts(answersOf(data), deployments), deployments)
  self.postMessage(
    heads,
    heads === null ? [] : [heads.weights.buffer as ArrayBuffer, heads.rarity.buffer as ArrayBuffer],
  )
})

function answersOf({ deployments, places, qualities, ends, inputs }: HeadJob): readonly LabelledAnswer[] {
  return places.map((place, at) => ({
    deployment: deployments[place]!,
    input: inputs.subarray(at === 0 ? 0 : ends[at - 1]!, ends[at]),
    quality: qualities[at]!,
  }))
}
