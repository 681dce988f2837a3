import { expect, test } from 'bun:test'
import { named, NEW_SIGNAL, NO_NAMES, readSignalState, type Signal, type SignalState, watched } from './drift.ts'

/** A small generator, so that each seed gives one history. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (((state ^ (state >>> 15)) >>> 0) % 1_000_003) / 1_000_003
  }
}

/** About normal, by twelve draws. */
function normal(draw: () => number): number {
  let sum = -6
  for (let each = 0; each < 12; each++) sum += draw()
  return sum
}

/** Answers until a drift is told; null: none in so many. */
function alarmAfter(signal: Signal, state: SignalState, answers: number, value: () => number): number | null {
  let at = state
  for (let count = 1; count <= answers; count++) {
    const next = watched(at, signal, value())
    if (next.drift !== null) return count
    at = next.state
  }
  return null
}

function baseline(signal: Signal, value: () => number): SignalState {
  let state = NEW_SIGNAL
  while (state.learned < 500) state = watched(state, signal, value()).state
  return state
}

test('without a change there is hardly ever an alarm: 40 deployments, 20 000 answers each, three seeds', () => {
  for (const seed of [1, 2, 3]) {
    let alarms = 0
    for (let each = 0; each < 40; each++) {
      const draw = random(seed * 1_000 + each)
      const share = each % 2 === 0 ? 0.01 : 0.1
      const value = each % 4 < 2 ? () => Number(draw() < share) : () => 6 + normal(draw)
      const signal: Signal = each % 4 < 2 ? 'refusals' : 'length'
      if (alarmAfter(signal, baseline(signal, value), 20_000, value) !== null) alarms++
    }
    expect(alarms).toBeLessThanOrEqual(2)
  }
})

const CHANGES: readonly (readonly [
  sentence: string,
  signal: Signal,
  before: (draw: () => number) => number,
  after: (draw: () => number) => number,
  within: number,
])[] = [
  ['refusals go from 1 % to 15 %', 'refusals', (draw) => Number(draw() < 0.01), (draw) => Number(draw() < 0.15), 400],
  ['every fifth answer breaks its format', 'bad_format', () => 0, (draw) => Number(draw() < 0.2), 250],
  [
    'answers are half as long',
    'length',
    (draw) => 6 + 0.7 * normal(draw),
    (draw) => 6 - Math.LN2 + 0.7 * normal(draw),
    120,
  ],
  [
    'answers are twice as long',
    'length',
    (draw) => 6 + 0.7 * normal(draw),
    (draw) => 6 + Math.LN2 + 0.7 * normal(draw),
    120,
  ],
  ['the judge gives a quarter less', 'judge', (draw) => Number(draw() < 0.9), (draw) => Number(draw() < 0.65), 200],
]

test.each(CHANGES)('%s: told, and soon', (_sentence, signal, before, after, within) => {
  for (let seed = 1; seed <= 20; seed++) {
    const draw = random(seed)
    const usual = baseline(signal, () => before(draw))
    expect(alarmAfter(signal, usual, within * 4, () => after(draw)) ?? Number.POSITIVE_INFINITY).toBeLessThan(
      within * 2,
    )
  }
})

test('fewer bad answers are no alarm, and after one what is usual is learned anew', () => {
  const usual = baseline('refusals', () => 0.2)
  expect(alarmAfter('refusals', usual, 5_000, () => 0)).toBeNull()
  let state = usual
  let told = watched(state, 'refusals', 1)
  while (told.drift === null) told = watched((state = told.state), 'refusals', 1)
  expect(told.drift).toMatchObject({ direction: 'up', usual: expect.closeTo(0.2) })
  expect(told.state).toEqual(NEW_SIGNAL)
})

test('what is no number changes nothing, and a state comes back from JSON', () => {
  const state = baseline('length', () => 5)
  expect(watched(state, 'length', Number.NaN).state).toBe(state)
  expect(readSignalState(JSON.parse(JSON.stringify(state)))).toEqual(state)
  expect(readSignalState({ ...state, mean: 'x' })).toBeNull()
})

test('a new name is told once it comes so often in a row; old ones may come and go', () => {
  const told: string[] = []
  let state = NO_NAMES
  for (const name of 'a a b a b b b a b c c a c c c c d'.split(' ')) {
    const next = named(state, name, 3)
    if (next.isNew) told.push(name)
    state = next.state
  }
  expect(told).toEqual(['b', 'c'])
  expect(state.known).toEqual(['a', 'b', 'c'])
})
