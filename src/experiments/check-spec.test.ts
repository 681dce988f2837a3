import { expect, test } from 'bun:test'
import { OPTIONAL_STAGES } from '../core/experiment.ts'
import type { ExperimentSpec } from '../core/experiment.ts'
import { NO_FACTS } from '../core/model-facts.ts'
import { testCatalogue } from '../routing/testing.ts'
import type { Snapshot } from '../snapshot.ts'
import { judgeWarning } from './check-spec.ts'

const catalogue = testCatalogue(
  { graders: { targets: ['c/m'], fallbacks: ['b/m'] } },
  { factsOf: ({ name }) => ({ ...NO_FACTS, maker: { a: 'openai', b: 'openai', c: 'anthropic' }[name] ?? null }) },
)
const snapshot = { catalogue } as Snapshot

function warningOf(judge: string | null, candidate = 'd/m'): string | null {
  const spec: ExperimentSpec = {
    route: 'chat',
    baseline: 'a/m',
    candidate,
    stages: OPTIONAL_STAGES,
    margin: 0.05,
    pairsPerStage: 30,
    tolerance: 0.02,
    shadowShare: 0.02,
    maxNanoUsd: 1n,
    shareOfSpend: null,
    judge: judge === null ? null : { model: judge, mode: 'pointwise' },
  }
  return judgeWarning(spec, snapshot)
}

test('a judge of the family of one of the models is warned of, also where it is only a fallback of the judge', () => {
  expect(warningOf(null)).toBeNull()
  expect(warningOf('c/m')).toBeNull()
  expect(warningOf('d/n')).toBeNull()
  expect(warningOf('b/m')).toStartWith('The judge b/m is of the same family as a/m:')
  expect(warningOf('graders', 'c/n')).toStartWith('The judge graders is of the same family as a/m and c/n:')
})
