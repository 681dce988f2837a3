// What is told of an experiment beside what is kept of it: what its process knows of the judge and the copies, and what it waits for.
import type { Experiment, ExperimentSpec, JudgeRecord, Label, Stage } from '../core/experiment.ts'
import type { Calibration } from './judge.ts'
import type { RankedTest } from './next-test.ts'

export type JudgeState =
  | { readonly type: 'ready'; readonly epoch: string; readonly calibration: Calibration; readonly record: JudgeRecord }
  | { readonly type: 'measuring' }
  /** Not to be asked, and what would change that. */
  | { readonly type: 'refused'; readonly why: string; readonly calibration: Calibration | null }

/** Why a copy was not made, or came to nothing. */
export type CopyDrop =
  | 'no_store'
  | 'personal'
  | 'busy'
  | 'no_headroom'
  | 'money'
  | 'judge'
  | 'asked_before'
  /** The experiment moved on while it waited. */
  | 'over'
  | 'unreadable'
  | 'not_graded'

export type CopyCounts = { readonly made: number; readonly dropped: { readonly [reason in CopyDrop]?: number } }

/** What the next stage takes; null: nothing that waiting would bring. */
export type Needs = {
  readonly next: Stage
  readonly pairs: { readonly have: number; readonly need: number }
  readonly evidence: { readonly have: number; readonly need: number }
}

export type ExperimentView = {
  readonly experiment: Experiment
  readonly needs: Needs | null
  /** Null: it asks none. */
  readonly judge: JudgeState | null
  readonly warning: string | null
  /** Why it changes nothing although it should. */
  readonly problem: string | null
  /** Since the process began. */
  readonly copies: CopyCounts
}

export type ExperimentCommand = 'start' | 'pause' | 'promote' | 'rollback'

/** What an administrator may do with experiments. */
export interface Experimenting {
  /** Newest first. */
  list(): readonly ExperimentView[]
  /** Throws `not_found`. */
  get(id: string): ExperimentView
  /** A draft. Throws `request_malformed` for what makes no sense here. */
  create(spec: ExperimentSpec): Promise<ExperimentView>
  /** What may change while it runs. */
  change(
    id: string,
    change: Pick<Partial<ExperimentSpec>, 'shadowShare' | 'maxNanoUsd' | 'shareOfSpend'>,
  ): Promise<ExperimentView>
  /** Throws `conflict` while it runs. */
  remove(id: string): Promise<void>
  /** Throws `conflict` where its state does not allow it. */
  command(id: string, command: ExperimentCommand, why: string): Promise<ExperimentView>
  /** Judges are measured anew with them. */
  label(labels: readonly Label[]): Promise<void>
  /** What is worth testing next, best first. */
  ideas(): Promise<readonly RankedTest[]>
}
