// What a person may tell an experiment, and when.
import type { Experiment } from '../core/experiment.ts'
import type { ExperimentCommand } from '../lab/experiment-view.ts'
import type { Observation } from '../lab/ramp.ts'

/** It has begun, and is neither over nor halted. */
export function isUnderWay({ ramp }: Experiment): boolean {
  return ramp.status === 'running' && ramp.stage !== 'draft' && ramp.stage !== 'done'
}

export function observationOf(command: ExperimentCommand, why: string): Observation {
  switch (command) {
    case 'start':
      return { type: 'start' }
    case 'pause':
      return { type: 'pause' }
    case 'promote':
      return { type: 'promote', why }
    case 'rollback':
      return { type: 'roll_back', why }
  }
}

/** Why the state of an experiment does not allow a command; null: it does. */
export function refusalOf({ ramp }: Experiment, command: ExperimentCommand, now: number): string | null {
  const { stage, status, notBeforeMs } = ramp
  switch (command) {
    case 'start':
      if (status === 'rolled_back' && now < notBeforeMs)
        return `It was rolled back and may be started again from ${new Date(notBeforeMs).toISOString()} on`
      return status === 'running' && stage !== 'draft' ? 'It runs already' : null
    case 'pause':
    case 'promote':
      if (status !== 'running') return 'It does not run'
      if (stage === 'draft') return 'It has not been started'
      return stage === 'done' ? 'It is over' : null
    case 'rollback':
      if (status === 'rolled_back') return 'It is rolled back already'
      return stage === 'draft' ? 'It has not been started' : null
  }
}
