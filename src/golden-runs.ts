// Puts golden prompts to deployments from time to time, and says when one gets fewer of them right than it used to.
//
// One deployment after the other, one question after the other, down the path of every request as the lab's own (`key_lab`), within what a
// day may cost. A run that hardly got answers counts for nothing: who does not answer is less reliable, not worse. What a deployment usually
// gets right is kept; after a drop it is learned anew.
import { parseAmount } from './config/budget-values.ts'
import type { GoldenPromptConfig } from './config/schema-golden.ts'
import type { ChatRequest } from './core/chat.ts'
import { textOf } from './core/chat.ts'
import type { Clock } from './core/clock.ts'
import { isObject, type JsonObject, type JsonValue } from './core/json.ts'
import { numberOf, objectOf } from './core/json-read.ts'
import type { LabCalls } from './experiments/lab-calls.ts'
import type { Learner } from './lab/evidence-book.ts'
import { hasDropped, passes, type ShownGolden, type Tally, tallied } from './lab/golden.ts'
import { GOLDEN_SET, type GoldenPrompt } from './lab/golden-set.ts'
import { isTask } from './lab/task.ts'
import type { Logger } from './metrics/log.ts'
import { routeTargets } from './snapshot.ts'
import type { Snapshot } from './snapshot.ts'

/** A run that dropped in one task. */
export type GoldenDrop = {
  readonly deployment: string
  readonly task: string
  readonly run: Tally
  readonly usual: Tally
}

export interface GoldenRuns extends Learner {
  start(): void
  stop(): void
  /** Puts them to a deployment at the next opportunity: something says that it has changed. */
  retest(deployment: string): void
  shown(): readonly ShownGolden[]
  /** Resolves when no run is under way. */
  settled(): Promise<void>
}

export type GoldenRunTools = {
  readonly clock: Clock
  readonly log: Logger
  readonly snapshot: () => Snapshot
  readonly ask: LabCalls['ask']
  readonly onDropped: (drop: GoldenDrop) => void
  /** Writes down what came of a run. */
  readonly flush: () => Promise<void>
}

type ByTask = Readonly<Record<string, Tally>>
type Standing = { readonly at: number; readonly last: ByTask; readonly usual: ByTask }

const LOOK_MS = 60_000
const DAY_MS = 86_400_000
const PREFIX = 'golden:'
const SPENT = `${PREFIX}spent`
/** Less than that share of answers, and a run says nothing. */
const LEAST_ANSWERED = 0.5

export function createGoldenRuns({ clock, log, snapshot, ask, onDropped, flush }: GoldenRunTools): GoldenRuns {
  const standings = new Map<string, Standing>()
  const wanted = new Set<string>()
  const changed = new Set<string>()
  const abort = new AbortController()
  let spent = { day: 0, nanoUsd: 0n }
  let cancel: (() => void) | null = null
  let running: Promise<void> | null = null

  function look(): void {
    cancel = clock.after(LOOK_MS, look)
    if (running !== null) return
    const due = dueNow()
    if (due.length === 0) return
    running = runAll(due)
      .catch((error: unknown) => log.error('golden_failed', { error: String(error) }))
      .finally(() => (running = null))
  }

  function dueNow(): readonly string[] {
    const { golden } = snapshot().config
    if (golden.everyMs === 0) return []
    const all = golden.deployments.length > 0 ? golden.deployments : routeTargets(snapshot())
    return all.filter((deployment) => {
      const last = standings.get(deployment)
      return last === undefined || wanted.has(deployment) || clock.now() - last.at >= golden.everyMs
    })
  }

  async function runAll(deployments: readonly string[]): Promise<void> {
    for (const deployment of deployments) {
      if (abort.signal.aborted || !hasMoney()) return
      await run(deployment)
      await flush()
    }
  }

  /** Whether today's money is not used up. */
  function hasMoney(): boolean {
    const day = Math.floor(clock.now() / DAY_MS)
    if (spent.day !== day) spent = { day, nanoUsd: 0n }
    if (spent.nanoUsd < (parseAmount(snapshot().config.golden.maxUsd) ?? 0n)) return true
    log.warn('golden_budget_used_up', { max_usd: snapshot().config.golden.maxUsd })
    return false
  }

  async function run(deployment: string): Promise<void> {
    const { golden } = snapshot().config
    const prompts = golden.prompts.length > 0 ? golden.prompts.map(promptOf) : GOLDEN_SET
    const tallies: Record<string, Tally> = {}
    let asked = 0
    let answered = 0
    for (const { task, system, prompt, check } of prompts) {
      if (abort.signal.aborted) return
      if (!hasMoney()) break
      asked++
      const { answer, costNanoUsd } = await ask(
        requestOf(prompt, system, golden.maxOutputTokens),
        deployment,
        abort.signal,
      )
      spent = { ...spent, nanoUsd: spent.nanoUsd + costNanoUsd }
      if (answer === null) continue
      answered++
      const { passed, asked: before } = tallies[task] ?? { passed: 0, asked: 0 }
      const isRight = passes(textOf(answer.choices[0]?.parts ?? []), check)
      tallies[task] = { passed: passed + Number(isRight), asked: before + 1 }
    }
    changed.add(SPENT)
    wanted.delete(deployment)
    changed.add(deployment)
    const before = standings.get(deployment)
    if (answered < asked * LEAST_ANSWERED) {
      log.warn('golden_unanswered', { deployment, asked, answered })
      standings.set(deployment, { at: clock.now(), last: before?.last ?? {}, usual: before?.usual ?? {} })
      return
    }
    standings.set(deployment, {
      at: clock.now(),
      last: tallies,
      usual: usualAfter(deployment, before?.usual ?? {}, tallies),
    })
  }

  function usualAfter(deployment: string, usual: ByTask, tallies: ByTask): ByTask {
    const next: Record<string, Tally> = { ...usual }
    for (const [task, run] of Object.entries(tallies)) {
      const before = usual[task] ?? { passed: 0, asked: 0 }
      const isDrop = hasDropped(before, run)
      if (isDrop) onDropped({ deployment, task, run, usual: before })
      next[task] = isDrop ? run : tallied(before, run)
    }
    return next
  }

  return {
    prefix: PREFIX,
    start() {
      cancel ??= clock.after(LOOK_MS, look)
    },
    stop() {
      cancel?.()
      cancel = null
      abort.abort()
    },
    retest: (deployment) => void wanted.add(deployment),
    shown: () =>
      [...standings].flatMap(([deployment, { at, last, usual }]) =>
        Object.entries(last).map(([task, tally]) => ({
          deployment,
          task,
          at,
          last: tally,
          usual: usual[task] ?? tally,
        })),
      ),
    settled: async () => {
      await running
    },
    takeChanged() {
      const states = [...changed].flatMap((name): { name: string; state: JsonValue }[] => {
        if (name === SPENT) return [{ name, state: { day: spent.day, nanoUsd: String(spent.nanoUsd) } }]
        const standing = standings.get(name)
        return standing === undefined ? [] : [{ name: `${PREFIX}of:${name}`, state: standing }]
      })
      changed.clear()
      return states
    },
    noteChanged(names) {
      for (const name of names) changed.add(name === SPENT ? SPENT : name.slice(`${PREFIX}of:`.length))
    },
    restore(states) {
      for (const { name, state } of states) {
        if (!isObject(state)) continue
        if (name === SPENT) spent = readSpent(state)
        else standings.set(name.slice(`${PREFIX}of:`.length), readStanding(state))
      }
    },
  }
}

function promptOf({ task, check, ...prompt }: GoldenPromptConfig): GoldenPrompt {
  const { json, ...rest } = check
  return {
    ...prompt,
    task: isTask(task) ? task : 'other',
    check: Object.keys(json).length === 0 ? rest : { ...rest, json },
  }
}

/** As a caller without wishes would ask: not every model takes a temperature. */
function requestOf(prompt: string, system: string | undefined, maxOutputTokens: number): ChatRequest {
  const question = { role: 'user' as const, parts: [{ type: 'text' as const, text: prompt }] }
  return {
    messages:
      system === undefined ? [question] : [{ role: 'system', parts: [{ type: 'text', text: system }] }, question],
    tools: [],
    sampling: {},
    maxOutputTokens,
  }
}

function readSpent(state: JsonObject): { day: number; nanoUsd: bigint } {
  const { nanoUsd } = state
  return {
    day: numberOf(state, 'day') ?? 0,
    nanoUsd: typeof nanoUsd === 'string' && /^\d+$/.test(nanoUsd) ? BigInt(nanoUsd) : 0n,
  }
}

function readStanding(state: JsonObject): Standing {
  return {
    at: numberOf(state, 'at') ?? 0,
    last: readTallies(objectOf(state, 'last')),
    usual: readTallies(objectOf(state, 'usual')),
  }
}

function readTallies(state: JsonObject | null): ByTask {
  const read: Record<string, Tally> = {}
  for (const [task, value] of Object.entries(state ?? {})) {
    const passed = isObject(value) ? numberOf(value, 'passed') : null
    const asked = isObject(value) ? numberOf(value, 'asked') : null
    if (passed !== null && asked !== null) read[task] = { passed, asked }
  }
  return read
}
