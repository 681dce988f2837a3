import { expect, test } from 'bun:test'
import * as fc from 'fast-check'
import type { AuditRecord, Experiment } from '../core/experiment.ts'
import { OPTIONAL_STAGES } from '../core/experiment.ts'
import { newRamp } from '../lab/ramp.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { createProgress } from './progress.ts'
import type { Progress } from './progress.ts'

const EXPERIMENT: Experiment = {
  id: 'exp_1',
  createdAt: 0,
  version: 1,
  spec: {
    route: 'chat',
    baseline: 'old/m',
    candidate: 'new/m',
    stages: OPTIONAL_STAGES,
    margin: 0.3,
    pairsPerStage: 3,
    tolerance: 0.02,
    shadowShare: 1,
    maxNanoUsd: 1_000n,
    shareOfSpend: null,
    judge: null,
  },
  ramp: newRamp(0),
  transitions: 0,
  labNanoUsd: 0n,
  routeNanoUsd: 0n,
}

type Act = { readonly who: 0 | 1; readonly what: 'pair' | 'worse' | 'spend' | 'assign' | 'flush' | 'promote' }

function act(progress: Progress, what: Act['what'], number: number): void {
  const observed = { type: 'observed', at: 1, stage: progress.now.ramp.stage } as const
  switch (what) {
    case 'pair':
    case 'worse': {
      const pair = {
        experiment: 'exp_1',
        unit: String(number),
        at: 1,
        requestId: 'req',
        stage: 'shadow',
        baseline: 1,
        candidate: 1,
        baselineCharacters: 1,
        candidateCharacters: 1,
        epoch: null,
      } as const
      return progress.add({ type: 'paired', at: 1, pair, difference: what === 'pair' ? 0 : -1, margin: 0.3 })
    }
    case 'spend':
      return progress.add({ type: 'spent', at: 1, labNanoUsd: 3n, routeNanoUsd: 7n })
    case 'assign':
      return progress.add({ ...observed, observation: { type: 'assigned', toCandidate: number % 4 === 0 } })
    case 'promote':
      return progress.add({ ...observed, observation: { type: 'promote', why: 'by hand' } })
    case 'flush':
      return void progress.flush()
  }
}

const ACT: fc.Arbitrary<Act> = fc.record({
  who: fc.constantFrom(0 as const, 1 as const),
  what: fc.constantFrom('pair', 'pair', 'worse', 'spend', 'assign', 'flush', 'promote'),
})

test('two processes that write as they like lose nothing, count nothing twice, and make each transition once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(ACT, { maxLength: 60 }), async (acts) => {
      const store = openSqliteStore({ path: ':memory:', sync: 'process' })
      await store.insertExperiment(EXPERIMENT)
      const told: AuditRecord[] = []
      const open = (): Progress =>
        createProgress(EXPERIMENT, {
          store,
          clock: { now: () => 1, monotonicMs: () => 1, after: () => () => {} },
          onMoved: () => undefined,
          onWritten: (_, record) => void told.push(record),
          onError: (error) => {
            throw error
          },
        })
      const processes = [open(), open()] as const
      processes[0].add({ type: 'observed', at: 0, stage: null, observation: { type: 'start' } })
      await processes[0].flush()
      for (const [number, { who, what }] of acts.entries()) {
        act(processes[who], what, number)
        if (number % 5 === 0) await Promise.resolve()
      }
      await Promise.all(processes.map((progress) => progress.flush()))
      const stored = (await store.getExperiment('exp_1'))!
      const spent = BigInt(acts.filter(({ what }) => what === 'spend').length)
      expect([stored.labNanoUsd, stored.routeNanoUsd]).toEqual([3n * spent, 7n * spent])
      const audit = (await store.listAudit('exp_1', { cursor: null, limit: 200 })).data
      expect(audit.map(({ no }) => no)).toEqual(audit.map((_, index) => index + 1))
      expect(stored.transitions).toBe(audit.length)
      // Each record was told by whoever wrote it, and by nobody else; a stage is entered once.
      expect(told.map(({ no }) => no).toSorted((a, b) => a - b)).toEqual(audit.map(({ no }) => no))
      expect(new Set(audit.map(({ to }) => to)).size).toBe(audit.length)
      await store.close()
    }),
    { numRuns: 60 },
  )
})

test('while the store is away nothing is lost, and a rollback counts for this process at once', async () => {
  let isAway = true
  const written: Experiment[] = []
  const progress = createProgress(
    { ...EXPERIMENT, ramp: { ...EXPERIMENT.ramp, stage: 'canary_5' } },
    {
      store: {
        moveExperiment: async (experiment: Experiment) => {
          if (isAway) throw new Error('away')
          written.push(experiment)
          return true
        },
      } as never,
      clock: { now: () => 1, monotonicMs: () => 1, after: () => () => {} },
      onMoved: () => undefined,
      onWritten: () => undefined,
      onError: () => undefined,
    },
  )
  progress.add({ type: 'spent', at: 1, labNanoUsd: 3n, routeNanoUsd: 0n })
  progress.add({ type: 'observed', at: 1, stage: null, observation: { type: 'roll_back', why: 'a complaint' } })
  expect(progress.now.ramp.status).toBe('rolled_back')
  expect(await progress.flush().catch((error: Error) => error.message)).toBe('away')
  isAway = false
  await progress.flush()
  expect(written.at(-1)).toMatchObject({ labNanoUsd: 3n, transitions: 1, ramp: { status: 'rolled_back' } })
})
