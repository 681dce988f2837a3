// Judges: what they are worth on answers that people labelled, and their word on a pair. Who was not measured, or is hardly better than a coin,
// is asked nothing.
import type { JudgeRecord, JudgeSpec, Label } from '../core/experiment.ts'
import type { Clock } from '../core/clock.ts'
import type { ChatRequest } from '../core/chat.ts'
import type { NanoUsd } from '../core/money.ts'
import type { JudgeState } from '../lab/experiment-view.ts'
import { calibrationOf, isInformative, lengthBias, pairVerdict, type PairVerdict } from '../lab/judge.ts'
import {
  judgeEpoch,
  type JudgeQuestion,
  pairwiseQuestion,
  pointwiseQuestion,
  readComparison,
  readVerdict,
} from '../lab/judge-prompt.ts'
import { answerText } from '../lab/transcript.ts'
import { deploymentsAt, deploymentsOf } from '../routing/route.ts'
import type { Snapshot } from '../snapshot.ts'
import type { ExperimentStore } from '../store/store.ts'
import type { LabCalls } from './lab-calls.ts'

/** Qualities as they were graded, and their difference without what the judge owes to length. */
export type Grade = { readonly baseline: number; readonly candidate: number; readonly difference: number }

type PairTexts = { readonly prompt: string; readonly baseline: string; readonly candidate: string }

export interface Judges {
  stateOf(spec: JudgeSpec): JudgeState
  /** Looks whether the judge has to be measured, and does; `onCost` is told what that costs, call by call. */
  prepare(spec: JudgeSpec, onCost: (cost: NanoUsd) => void): Promise<void>
  /** Null: it had no word on them. */
  grade(spec: JudgeSpec, texts: PairTexts, onCost: (cost: NanoUsd) => void): Promise<Grade | null>
  /** Labels have come: what was measured is measured anew. */
  forget(): void
}

export type JudgeTools = {
  readonly calls: LabCalls
  readonly store: Pick<ExperimentStore, 'listLabels' | 'getJudge' | 'putJudge'>
  readonly snapshot: () => Snapshot
  readonly clock: Clock
  readonly random: () => number
  readonly signal: AbortSignal
}

/** Labels that a judge is measured on, the newest; and how many of each kind it takes. */
const MOST_LABELS = 200
const FEWEST_LABELS = 10
const AT_ONCE = 4
const AGAIN_MS = 5 * 60_000
/** A verdict from here on calls an answer good. */
const GOOD_FROM = 0.5
/** Length counts where it is more than chance: twice its standard error. */
const SURE = 2

export function createJudges({ calls, store, snapshot, clock, random, signal }: JudgeTools): Judges {
  const known = new Map<string, JudgeState>()
  /** When one that could not be measured is tried again. */
  const againAt = new Map<string, number>()
  /** Of the labels. */
  let generation = 0

  function epochOf(spec: JudgeSpec): string | null {
    const route = snapshot().catalogue.resolve(spec.model)
    if (route === null) return null
    const deployments = [...deploymentsOf(route), ...route.fallbacks.flatMap(deploymentsAt)]
    return judgeEpoch(
      spec,
      deployments.map(({ id }) => id),
    )
  }

  async function ask(spec: JudgeSpec, question: JudgeQuestion, onCost: (cost: NanoUsd) => void): Promise<string> {
    const { answer, costNanoUsd } = await calls.ask(chatOf(question), spec.model, signal)
    onCost(costNanoUsd)
    return answer === null ? '' : answerText(answer)
  }

  /** Nobody who wrote an answer can know it. */
  function newMark(): string {
    return Math.floor((1 + random()) * 2 ** 45).toString(36)
  }

  async function verdictOn(
    spec: JudgeSpec,
    prompt: string,
    answer: string,
    onCost: (cost: NanoUsd) => void,
  ): Promise<number | null> {
    return readVerdict(await ask(spec, pointwiseQuestion(prompt, answer, newMark()), onCost))
  }

  /** In both orders: a judge that changes its mind with the order has said nothing. */
  async function comparison(
    spec: JudgeSpec,
    { prompt, baseline, candidate }: PairTexts,
    onCost: (cost: NanoUsd) => void,
  ): Promise<PairVerdict | null> {
    const [one, other] = await Promise.all([
      ask(spec, pairwiseQuestion(prompt, candidate, baseline, newMark()), onCost),
      ask(spec, pairwiseQuestion(prompt, baseline, candidate, newMark()), onCost),
    ])
    const first = readComparison(one, 'candidate')
    const second = readComparison(other, 'baseline')
    return first === null || second === null ? null : pairVerdict(first, second)
  }

  async function measure(
    spec: JudgeSpec,
    epoch: string,
    labels: readonly Label[],
    onCost: (cost: NanoUsd) => void,
  ): Promise<JudgeRecord> {
    const counts = { goodCalledGood: 0, goodCalledBad: 0, badCalledGood: 0, badCalledBad: 0 }
    const errors: { verdict: number; characters: number }[] = []
    let unusable = 0
    switch (spec.mode) {
      case 'pointwise':
        await several(labels, async ({ prompt, answer, isGood }) => {
          const verdict = await verdictOn(spec, prompt, answer, onCost)
          if (verdict === null) return void unusable++
          const isCalledGood = verdict >= GOOD_FROM
          if (isGood) counts[isCalledGood ? 'goodCalledGood' : 'goodCalledBad']++
          else counts[isCalledGood ? 'badCalledGood' : 'badCalledBad']++
          errors.push({ verdict: verdict - Number(isGood), characters: answer.length })
        })
        break
      case 'pairwise':
        await several(pairsOf(labels), async ({ prompt, good, bad }) => {
          const verdict = await comparison(spec, { prompt, candidate: good, baseline: bad }, onCost)
          if (verdict === null) return void unusable++
          counts[verdict === 'candidate' ? 'goodCalledGood' : 'goodCalledBad']++
          counts[verdict === 'baseline' ? 'badCalledGood' : 'badCalledBad']++
        })
        break
    }
    const { model, mode } = spec
    const bias = lengthBias(errors)
    return { epoch, at: clock.now(), model, mode, counts, unusable, lengthBias: bias }
  }

  return {
    stateOf(spec) {
      const epoch = epochOf(spec)
      if (epoch === null) return refused(`There is no model or route ${spec.model} here.`)
      return known.get(epoch) ?? { type: 'measuring' }
    },

    async prepare(spec, onCost) {
      const epoch = epochOf(spec)
      const now = clock.now()
      if (epoch === null || (known.has(epoch) && now < (againAt.get(epoch) ?? Infinity))) return
      known.set(epoch, { type: 'measuring' })
      const mine = generation
      /** Labels that came meanwhile make what was found old: the next look begins anew. */
      const settle = (state: JudgeState, triedAgainAt = Infinity): void => {
        if (mine !== generation) return
        known.set(epoch, state)
        againAt.set(epoch, triedAgainAt)
      }
      try {
        const labels = await store.listLabels({ limit: MOST_LABELS })
        const lacking = lackOf(spec, labels)
        if (lacking !== null) return settle(refused(lacking))
        const kept = await store.getJudge(epoch)
        if (kept !== null && kept.at >= (labels[0]?.at ?? 0)) return settle(stateFrom(kept))
        const record = await measure(spec, epoch, labels, onCost)
        if (isMute(record)) {
          const why = `The judge could not be measured: it had no verdict, in the form that was asked for, on ${record.unusable} of the labelled answers. It is tried again in ${AGAIN_MS / 60_000} minutes.`
          return settle(refused(why), now + AGAIN_MS)
        }
        settle(stateFrom(record))
        if (mine === generation) await store.putJudge(record)
      } catch (error) {
        settle(refused('What it is worth could not be looked up.'), now + AGAIN_MS)
        throw error
      }
    },

    async grade(spec, texts, onCost) {
      const state = this.stateOf(spec)
      if (state.type !== 'ready') return null
      if (spec.mode === 'pairwise') {
        const verdict = await comparison(spec, texts, onCost)
        if (verdict === null) return null
        const candidate = { candidate: 1, tie: 0.5, baseline: 0 }[verdict]
        return { candidate, baseline: 1 - candidate, difference: 2 * candidate - 1 }
      }
      const { prompt, baseline, candidate } = texts
      const [ofBaseline, ofCandidate] = await Promise.all([
        verdictOn(spec, prompt, baseline, onCost),
        verdictOn(spec, prompt, candidate, onCost),
      ])
      if (ofBaseline === null || ofCandidate === null) return null
      const owed = owedToLength(state.record, candidate.length, baseline.length)
      const difference = Math.min(1, Math.max(-1, ofCandidate - ofBaseline - owed))
      return { baseline: ofBaseline, candidate: ofCandidate, difference }
    },

    forget() {
      generation++
      known.clear()
    },
  }
}

/** A few at a time. */
async function several<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await each(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

function chatOf({ system, user }: JudgeQuestion): ChatRequest {
  return {
    messages: [
      { role: 'system', parts: [{ type: 'text', text: system }] },
      { role: 'user', parts: [{ type: 'text', text: user }] },
    ],
    tools: [],
    sampling: { temperature: 0 },
  }
}

/** What labels are missing; null: none. */
function lackOf({ mode }: JudgeSpec, labels: readonly Label[]): string | null {
  switch (mode) {
    case 'pointwise': {
      const good = labels.filter(({ isGood }) => isGood).length
      const bad = labels.length - good
      if (good >= FEWEST_LABELS && bad >= FEWEST_LABELS) return null
      return `The judge is not measured: that takes at least ${FEWEST_LABELS} good and ${FEWEST_LABELS} bad labelled answers, better 100 of them; there are ${good} and ${bad}. Add some with \`weir lab label\`.`
    }
    case 'pairwise': {
      const pairs = pairsOf(labels).length
      if (pairs >= FEWEST_LABELS) return null
      return `The judge is not measured: comparing takes at least ${FEWEST_LABELS} prompts with a good and a bad labelled answer; there are ${pairs}. Add some with \`weir lab label\`.`
    }
  }
}

/** A good and a bad answer to the same prompt. */
function pairsOf(labels: readonly Label[]): readonly { readonly prompt: string; good: string; bad: string }[] {
  const prompts = Map.groupBy(labels, ({ prompt }) => prompt)
  return [...prompts].flatMap(([prompt, answers]) => {
    const good = answers.filter(({ isGood }) => isGood)
    const bad = answers.filter(({ isGood }) => !isGood)
    return good.slice(0, bad.length).map(({ answer }, index) => ({ prompt, good: answer, bad: bad[index]!.answer }))
  })
}

/** A judge that says nothing was not measured: its provider is down, or it cannot keep to the form. */
function isMute({ counts, unusable }: JudgeRecord): boolean {
  return unusable > counts.goodCalledGood + counts.goodCalledBad + counts.badCalledGood + counts.badCalledBad
}

function refused(why: string): JudgeState {
  return { type: 'refused', why, calibration: null }
}

function stateFrom(record: JudgeRecord): JudgeState {
  const calibration = calibrationOf(record.counts)
  if (isInformative(calibration)) return { type: 'ready', epoch: record.epoch, calibration, record }
  const { sensitivity, specificity, youden } = calibration
  return {
    type: 'refused',
    why: `The judge is refused: it finds ${percent(sensitivity)} of the good and ${percent(specificity)} of the bad answers, so its J is ${youden.toFixed(2)}, and below 0.3 its word is mostly noise. Take another model as judge, or look through the labels.`,
    calibration,
  }
}

function owedToLength({ lengthBias: bias }: JudgeRecord, characters: number, others: number): number {
  if (bias === null || Math.abs(bias.slope) < SURE * bias.standardError) return 0
  return bias.slope * (Math.log(1 + characters) - Math.log(1 + others))
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}
