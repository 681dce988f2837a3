// Heads while serving: trained anew from graded answers when there are enough of them, beside the requests, and used from then on.
//
// Every hour the graded answers whose words may be kept are counted. Once a deployment has `MIN_HEAD_LABELS` and a tenth more are there than at the last
// training, the newest are read, a few at a time, and handed to a thread that trains. What heads know is not kept: the next start trains
// them again from what is.
import type { LabelledAnswer } from '../core/evidence.ts'
import type { Clock } from '../core/clock.ts'
import type { EvidenceStore } from '../store/store.ts'
import { type Heads, MIN_HEAD_LABELS } from './heads.ts'

export interface HeadTraining {
  /** Null: too few answers are graded, or training has not ended yet. */
  readonly heads: Heads | null
  start(): void
  stop(): void
  /** Looks now; resolves when what comes of it is in use. */
  look(): Promise<void>
}

export type HeadTrainingTools = {
  readonly store: Pick<EvidenceStore, 'labelledAnswers'>
  readonly clock: Clock
  readonly train: (answers: readonly LabelledAnswer[], deployments: readonly string[]) => Promise<Heads | null>
  readonly onTrained: (heads: Heads, answers: number) => void
  readonly onError: (error: unknown) => void
}

const FIRST_MS = 60_000
const EVERY_MS = 3_600_000
/** More take longer, and hundreds of megabytes meanwhile. */
const MOST_ANSWERS = 8_000
const PAGE = 500
const PAUSE_MS = 20
const GROWTH = 1.1
/** Each has its columns of weights: beyond so many the least graded do without. */
const MOST_DEPLOYMENTS = 24

export function createHeadTraining({ store, clock, train, onTrained, onError }: HeadTrainingTools): HeadTraining {
  let heads: Heads | null = null
  let trainedOn = 0
  let cancel: (() => void) | null = null
  const stopped = new AbortController()

  function later(delayMs: number): void {
    if (!stopped.signal.aborted)
      cancel = clock.after(delayMs, () => {
        look()
          .catch(onError)
          .finally(() => later(EVERY_MS))
      })
  }

  async function look(): Promise<void> {
    const answers = await graded()
    const deployments = enoughGraded(answers)
    if (deployments.length === 0 || answers.length < trainedOn * GROWTH) return
    const trained = await train(answers, deployments)
    if (trained === null || stopped.signal.aborted) return
    heads = trained
    trainedOn = answers.length
    onTrained(trained, answers.length)
  }

  /** Newest first, in pages, so that requests come in between. */
  async function graded(): Promise<readonly LabelledAnswer[]> {
    const answers: LabelledAnswer[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<EvidenceStore['labelledAnswers']>> = await store.labelledAnswers({
        cursor,
        limit: PAGE,
      })
      answers.push(...page.data)
      cursor = page.next
      if (cursor !== null) await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve))
    } while (cursor !== null && answers.length < MOST_ANSWERS && !stopped.signal.aborted)
    return answers
  }

  return {
    get heads() {
      return heads
    },
    start: () => later(FIRST_MS),
    stop() {
      stopped.abort()
      cancel?.()
    },
    look,
  }
}

function enoughGraded(answers: readonly LabelledAnswer[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { deployment } of answers) counts.set(deployment, (counts.get(deployment) ?? 0) + 1)
  return [...counts]
    .filter(([, count]) => count >= MIN_HEAD_LABELS)
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, MOST_DEPLOYMENTS)
    .map(([deployment]) => deployment)
}
