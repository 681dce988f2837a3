// The normal form of moderations: whether texts are such as somebody should not read, and why.
import type { JsonObject } from './json.ts'
import type { Usage } from './usage.ts'

export type ModerationRequest = {
  /** At least one; each gets a verdict. */
  readonly texts: readonly string[]
  readonly hasPictures: boolean
}

type Verdict = {
  readonly isFlagged: boolean
  /** In OpenAI's words where it has one for it, else in the vendor's; the score is 0–1, null where none is told. */
  readonly categories: readonly { readonly name: string; readonly applies: boolean; readonly score: number | null }[]
}

export type ModerationAnswer = {
  readonly id: string | null
  readonly model: string | null
  readonly verdicts: readonly Verdict[]
  readonly usage: Usage | null
  readonly rawUsage: JsonObject | null
}
