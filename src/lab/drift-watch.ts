// Watches the answers of all deployments for drift. A deployment that changed under its name is believed less from then on.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import { textOf } from '../core/chat.ts'
import { isObject, type JsonObject, type JsonValue } from '../core/json.ts'
import { stringOf } from '../core/json-read.ts'
import type { Answered } from './answered.ts'
import {
  type Drift,
  named,
  NEW_SIGNAL,
  NO_NAMES,
  readSignalState,
  type SeenNames,
  type Signal,
  SIGNALS,
  type SignalState,
  watched,
} from './drift.ts'
import type { Learner } from './evidence-book.ts'
import type { Fault } from './validity.ts'

/** What has changed: a signal, or the name of the model or of its build as the provider gives it. */
export type Changed = {
  readonly deployment: string
  readonly task: string | null
  readonly signal: Signal | 'model' | 'fingerprint'
  readonly numbers: JsonObject
}

export type ShownDrift = {
  readonly deployment: string
  readonly task: string
  readonly signal: Signal
  /** Answers that what is usual was learned from; while they are too few nothing is watched. */
  readonly learned: number
  readonly usual: number
  readonly watched: number
  /** How near an alarm is, 0–1. */
  readonly alarm: number
}

export interface DriftWatch extends Learner {
  /** One more answer, and what is wrong with it. */
  answered(answered: Answered, faults: readonly Fault[]): void
  /** A judge's verdict on an answer, 0–1. */
  judged(deployment: string, task: string, verdict: number): void
  shown(): readonly ShownDrift[]
}

const PREFIX = 'drift:'
const MAX_WATCHED = 2_000
const MAX_DEPLOYMENTS = 1_000
/** Answers in a row that name another model; a build changes more quietly. */
const MODEL_TIMES = 3
const BUILD_TIMES = 10
const ALARM = Math.log(1_000_000)
const MAX_NAME = 200

type Signals = { readonly [signal in Signal]?: SignalState }
type Names = { readonly model: SeenNames; readonly fingerprint: SeenNames }

export function createDriftWatch(onChanged: (changed: Changed) => void): DriftWatch {
  /** By deployment and task, and by deployment. */
  const signals = new LRUCache<string, Signals>(atMost(MAX_WATCHED))
  const names = new LRUCache<string, Names>(atMost(MAX_DEPLOYMENTS))
  const changed = new Set<string>()

  function watch(
    deployment: string,
    task: string,
    values: readonly (readonly [signal: Signal, value: number])[],
  ): void {
    const name = `${PREFIX}signals:${task}:${deployment}`
    const states: { [signal in Signal]?: SignalState } = { ...signals.get(name) }
    const drifts: Drift[] = []
    for (const [signal, value] of values) {
      const next = watched(states[signal] ?? NEW_SIGNAL, signal, value)
      states[signal] = next.state
      if (next.drift !== null) drifts.push(next.drift)
    }
    signals.set(name, states)
    changed.add(name)
    for (const { signal, direction, usual, watched: answers } of drifts)
      onChanged({ deployment, task, signal, numbers: { direction, usual: rounded(usual), answers } })
  }

  function watchNames(deployment: string, answer: ChatAnswer): void {
    const name = `${PREFIX}names:${deployment}`
    const before = names.get(name) ?? { model: NO_NAMES, fingerprint: NO_NAMES }
    const model = seen(before.model, answer.model, MODEL_TIMES)
    const fingerprint = seen(before.fingerprint, fingerprintOf(answer), BUILD_TIMES)
    if (model.state === before.model && fingerprint.state === before.fingerprint) return
    names.set(name, { model: model.state, fingerprint: fingerprint.state })
    changed.add(name)
    // A new model has a new build: one change, told once.
    const signal = model.isNew ? 'model' : fingerprint.isNew ? 'fingerprint' : null
    if (signal === null) return
    for (const key of signals.keys()) if (key.endsWith(`:${deployment}`)) signals.delete(key)
    const known = (signal === 'model' ? before.model : before.fingerprint).known.at(-1) ?? ''
    const now = (signal === 'model' ? model : fingerprint).state.known.at(-1) ?? ''
    onChanged({ deployment, task: null, signal, numbers: { before: known, now } })
  }

  return {
    prefix: PREFIX,
    answered({ deployment, task, answer, request }, faults) {
      if (deployment === null || answer.type !== 'read') return
      watchNames(deployment, answer.answer)
      const parts = answer.answer.choices[0]?.parts ?? []
      const has = (...kinds: readonly Fault['kind'][]): number =>
        Number(faults.some(({ kind }) => kinds.includes(kind)))
      const values: (readonly [Signal, number])[] = [
        ['refusals', has('refusal')],
        ['cuts', has('cut_answer')],
      ]
      if (request.tools.length > 0 || (request.responseFormat?.type ?? 'text') !== 'text')
        values.push(['bad_format', has('invalid_format', 'bad_tool_call')])
      const characters = textOf(parts).length
      if (characters > 0) values.push(['length', Math.log(characters)])
      watch(deployment, task.task, values)
    },
    judged: (deployment, task, verdict) => watch(deployment, task, [['judge', verdict]]),
    shown: () =>
      [...signals.entries()].flatMap(([name, states]) => {
        const [task = '', deployment = ''] = name.slice(`${PREFIX}signals:`.length).split(/:(.*)/s)
        return (Object.entries(states) as [Signal, SignalState][]).map(
          ([signal, { learned, mean, watched: count, up, down }]) => ({
            deployment,
            task,
            signal,
            learned,
            usual: mean,
            watched: count,
            alarm: Math.max(up, down) / ALARM,
          }),
        )
      }),
    takeChanged() {
      const states = [...changed].flatMap((name): { name: string; state: JsonValue }[] => {
        const state = signals.peek(name) ?? names.peek(name)
        return state === undefined ? [{ name, state: {} }] : [{ name, state }]
      })
      changed.clear()
      return states
    },
    noteChanged(rows) {
      for (const name of rows) changed.add(name)
    },
    restore(states) {
      for (const { name, state } of states) {
        if (!isObject(state)) continue
        if (name.startsWith(`${PREFIX}names:`))
          names.set(name, { model: readNames(state['model']), fingerprint: readNames(state['fingerprint']) })
        else signals.set(name, readSignals(state))
      }
    },
  }
}

function seen(state: SeenNames, name: string | null, enough: number): ReturnType<typeof named> {
  return name === null || name === '' ? { state, isNew: false } : named(state, name.slice(0, MAX_NAME), enough)
}

/** OpenAI's word for the build that answered; many hosts have it, too. */
function fingerprintOf({ raw }: ChatAnswer): string | null {
  const fields = raw?.['openai-chat']
  return fields === undefined ? null : stringOf(fields, 'system_fingerprint')
}

function readSignals(state: JsonObject): Signals {
  const read: { [signal in Signal]?: SignalState } = {}
  let signal: Signal
  for (signal in SIGNALS) {
    const one = readSignalState(state[signal])
    if (one !== null) read[signal] = one
  }
  return read
}

function readNames(value: JsonValue | undefined): SeenNames {
  if (!isObject(value) || !Array.isArray(value['known'])) return NO_NAMES
  return { ...NO_NAMES, known: value['known'].filter((name) => typeof name === 'string') }
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
