import { expect, test } from 'bun:test'
import type { Stage, Trial } from '../core/experiment.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Exchange } from '../exchange.ts'
import { newRamp } from '../lab/ramp.ts'
import { createObserving } from './observing.ts'
import type { Progress } from './progress.ts'

/** What an experiment is told, in a stage that can be changed. */
function observed(first: Stage) {
  const told: Parameters<Progress['add']>[0][] = []
  const state = { stage: first }
  const progress = {
    get now() {
      return { spec: { candidate: 'new/m', baseline: 'old/m' }, ramp: { ...newRamp(0), stage: state.stage } }
    },
    add: (happening: Parameters<Progress['add']>[0]) => void told.push(happening),
  } as unknown as Progress
  const observing = createObserving({
    progress,
    now: () => 0,
    faultsOf: async () => ({ broken: [], isWorthless: false, evidence: [] }),
  })
  const trial = (arm: Trial['arm'], conversation: string | null = null): Trial => ({
    experiment: 'exp_1',
    stage: state.stage,
    arm,
    conversation,
    isRead: false,
    isCopied: false,
  })
  /** One request of an arm is closed; null: its own model was not asked. */
  const close = (arm: Trial['arm'], outcome: Outcome['type'] | null = 'answered', of = trial(arm)) =>
    observing.closed(
      {
        attempts:
          outcome === null
            ? []
            : [{ target: arm === 'candidate' ? 'new/m' : 'old/m', outcome: { type: outcome }, durationMs: 1 }],
        ending: null,
        ttftMs: null,
        costNanoUsd: 5n,
      } as unknown as Exchange,
      of,
    )
  const outcomes = () =>
    told.flatMap((happening) =>
      happening.type === 'observed' && happening.observation.type === 'outcome'
        ? [
            `${happening.observation.candidate.join()}|${happening.observation.control.join()}|${happening.observation.isHard}`,
          ]
        : [],
    )
  return { told, state, observing, trial, close, outcomes }
}

test('an answer of the candidate is compared with the newest of the control, and each counts once', () => {
  const { close, outcomes } = observed('canary_5')
  close('control', 'overloaded')
  close('control')
  close('candidate', 'broken')
  close('candidate', 'timed_out')
  expect(outcomes()).toEqual(['error||true'])
  close('control')
  close('control')
  expect(outcomes()).toEqual(['error||true', 'timeout||true'])
})

test('where the control is rare, what the candidate does now is seen now', () => {
  const { close, outcomes } = observed('full')
  for (let count = 0; count < 50; count++) close('candidate')
  close('candidate', 'overloaded')
  close('control')
  expect(outcomes()).toEqual(['error||true'])
})

test('what is refused counts, and is no hard error: it may be the caller’s fault', () => {
  const { close, outcomes } = observed('canary_5')
  close('control')
  close('candidate', 'rejected')
  expect(outcomes()).toEqual(['error||false'])
})

test.each([
  ['another target answered', (world: ReturnType<typeof observed>) => world.close('candidate', null)],
  ['the caller went away', (world: ReturnType<typeof observed>) => world.close('candidate', 'cancelled')],
  [
    'it began in another stage',
    (world: ReturnType<typeof observed>) => {
      const before = world.trial('candidate')
      world.state.stage = 'canary_25'
      world.close('candidate', 'broken', before)
    },
  ],
])('nothing is compared where %s', (_, happens) => {
  const world = observed('canary_5')
  happens(world)
  world.close('control')
  expect(world.outcomes()).toEqual([])
})

test('what waits does not wait beyond its stage', () => {
  const { close, state, outcomes } = observed('canary_5')
  close('candidate', 'broken')
  state.stage = 'canary_25'
  close('control')
  expect(outcomes()).toEqual([])
})

test('a conversation is assigned once, and what has none each time; in shadow nothing is assigned', () => {
  const { observing, trial, told, state } = observed('canary_5')
  for (const conversation of ['a', 'a', 'b', null, null]) observing.assigned(trial('candidate', conversation))
  expect(told.length).toBe(4)
  state.stage = 'shadow'
  observing.assigned(trial('control', 'c'))
  expect(told.length).toBe(4)
})

test('what the route spent is told together, once', () => {
  const { close, observing, told } = observed('shadow')
  close('control')
  close('control', null)
  observing.settle()
  observing.settle()
  expect(told).toEqual([{ type: 'spent', at: 0, labNanoUsd: 0n, routeNanoUsd: 10n }])
})
