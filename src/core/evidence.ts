// Evidence of quality as it is kept: what was seen of requests, what was said of their answers, and what is believed in the end.
// Tasks and kinds are names of the lab's; here they are words.

/** A request that the lab has looked at. */
export type AnsweredRequest = {
  readonly id: string
  readonly at: number
  readonly keyId: string
  readonly teamId: string | null
  readonly route: string
  readonly deployment: string
  /** Belief in each task, in the lab's order. */
  readonly shares: readonly number[]
  /** What heads see of its prompt, as bytes of the lab's; absent: it may not be kept. */
  readonly input?: Uint8Array
}

/** An answer that was graded, with what heads see of its prompt. */
export type LabelledAnswer = {
  readonly deployment: string
  readonly input: Uint8Array
  /** Mean of its grades by their weights, 0–1; verdicts of judges may leave it. */
  readonly quality: number
}

/** What one source said of one answer: a kind of evidence each. The same again takes the place of what was said before. */
export type StoredEvidence = {
  readonly requestId: string
  readonly source: string
  readonly kind: string
  readonly at: number
  readonly deployment: string
  /** The most believed one. */
  readonly task: string
  /** 0–1; a corrected verdict of a judge may leave it. */
  readonly quality: number
  readonly weight: number
  readonly comment: string | null
}

/** A belief, as JSON of the lab's. */
export type StoredScore = {
  readonly scope: string
  readonly task: string
  readonly deployment: string
  readonly state: string
}

/** Evidence of one day (UTC), deployment, task and kind. */
export type EvidenceDay = {
  /** Start of the day, ms since the epoch. */
  readonly at: number
  readonly deployment: string
  readonly task: string
  readonly kind: string
  readonly pieces: number
  /** Sum of weights, and of weights × quality. */
  readonly weight: number
  readonly good: number
}

/** Something else that the lab has learned, by its name; JSON. */
export type LearnedState = { readonly name: string; readonly state: string }

/** What is written down at once: all of it or nothing. */
export type EvidenceBatch = {
  /** One that is there already stays as it is. */
  readonly answered: readonly AnsweredRequest[]
  /** What requests turned out to be; absent: none did. */
  readonly relabelled?: readonly Pick<AnsweredRequest, 'id' | 'shares'>[]
  readonly evidence: readonly StoredEvidence[]
  readonly scores: readonly StoredScore[]
  readonly learned: readonly LearnedState[]
}
