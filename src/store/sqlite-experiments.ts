// Experiments in SQLite: few, written whole, each write on top of the version that its writer saw.
import type { AuditRecord, Experiment, ExperimentPair, JudgeRecord, Label } from '../core/experiment.ts'
import { notOurCursor, pageOf } from './page.ts'
import { type Connection, guarded } from './sqlite-connection.ts'
import type { ExperimentStore } from './store.ts'

type ExperimentRow = { readonly version: number; readonly body: string }
type BodyRow = { readonly body: string }
type LabelRow = {
  readonly id: string
  readonly at: number
  readonly is_good: number
  readonly prompt: string
  readonly answer: string
}

export function createExperimentStore(database: Connection): ExperimentStore {
  const insert = database.statement('INSERT INTO experiments (id, created_at, version, body) VALUES (?, ?, ?, ?)')
  const get = database.statement<ExperimentRow, [string]>('SELECT version, body FROM experiments WHERE id = ?')
  const list = database.statement<ExperimentRow, []>(
    'SELECT version, body FROM experiments ORDER BY created_at DESC, id DESC',
  )
  const versions = database.statement<{ text: string | null }, []>(
    "SELECT group_concat(id || ' ' || version, ',') AS text FROM (SELECT id, version FROM experiments ORDER BY id)",
  )
  const update = database.statement('UPDATE experiments SET version = ?, body = ? WHERE id = ? AND version = ?')
  const insertAudit = database.statement('INSERT INTO experiment_audit VALUES (?, ?, ?, ?)')
  const claim = database.statement('INSERT INTO experiment_pairs VALUES (?, ?, ?, NULL) ON CONFLICT DO NOTHING')
  const fillPair = database.statement('UPDATE experiment_pairs SET at = ?, body = ? WHERE experiment = ? AND unit = ?')
  const audit = database.statement<BodyRow, [string, number, number]>(
    'SELECT body FROM experiment_audit WHERE experiment = ? AND no > ? ORDER BY no LIMIT ?',
  )
  const pairs = database.statement<BodyRow, [string, number]>(
    'SELECT body FROM experiment_pairs WHERE experiment = ? AND body IS NOT NULL ORDER BY at DESC LIMIT ?',
  )
  const removals = ['experiment_audit WHERE experiment', 'experiment_pairs WHERE experiment'].map((where) =>
    database.statement(`DELETE FROM ${where} = ?`),
  )
  const remove = database.statement('DELETE FROM experiments WHERE id = ?')
  const putLabel = database.statement(
    `INSERT INTO lab_labels VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET at = excluded.at, is_good = excluded.is_good`,
  )
  const labels = database.statement<LabelRow, [number]>('SELECT * FROM lab_labels ORDER BY at DESC, id LIMIT ?')
  const putJudge = database.statement(
    'INSERT INTO lab_judges VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, body = excluded.body',
  )
  const judge = database.statement<BodyRow, [string]>('SELECT body FROM lab_judges WHERE epoch = ?')

  return {
    insertExperiment: (experiment) =>
      guarded(() => {
        insert.run(experiment.id, experiment.createdAt, experiment.version, write(experiment))
      }),
    getExperiment: (id) =>
      guarded(() => {
        const row = get.get(id)
        return row === null ? null : readExperiment(row)
      }),
    listExperiments: () => guarded(() => list.all().map(readExperiment)),
    experimentVersions: () => guarded(() => versions.get()?.text ?? ''),
    moveExperiment: (experiment, move) =>
      guarded(() =>
        database
          .transaction(() => {
            const { id, version } = experiment
            if (update.run(version + 1, write(experiment), id, version).changes === 0) return false
            for (const record of move.audit) insertAudit.run(id, record.no, record.at, JSON.stringify(record))
            for (const pair of move.pairs) fillPair.run(pair.at, JSON.stringify(pair), id, pair.unit)
            return true
          })
          .immediate(),
      ),
    deleteExperiment: (id) =>
      guarded(() =>
        database
          .transaction(() => {
            for (const statement of removals) statement.run(id)
            return remove.run(id).changes > 0
          })
          .immediate(),
      ),
    listAudit: (experiment, { cursor, limit }) =>
      guarded(() => {
        const records = audit.all(experiment, cursor === null ? 0 : noOf(cursor), limit + 1).map(readAudit)
        return pageOf(records, limit, ({ no }) => String(no))
      }),
    claimUnits: (claims) =>
      guarded(() =>
        database
          .transaction(() => claims.map(({ experiment, unit, at }) => claim.run(experiment, unit, at).changes > 0))
          .immediate(),
      ),
    listPairs: (experiment, { limit }) =>
      guarded(() => pairs.all(experiment, limit).map(({ body }) => JSON.parse(body) as ExperimentPair)),
    putLabels: (given) =>
      guarded(() => {
        database
          .transaction(() => {
            for (const { id, at, isGood, prompt, answer } of given) putLabel.run(id, at, Number(isGood), prompt, answer)
          })
          .immediate()
      }),
    listLabels: ({ limit }) => guarded(() => labels.all(limit).map(readLabel)),
    putJudge: (record) =>
      guarded(() => {
        putJudge.run(record.epoch, record.at, JSON.stringify(record))
      }),
    getJudge: (epoch) =>
      guarded(() => {
        const row = judge.get(epoch)
        return row === null ? null : (JSON.parse(row.body) as JudgeRecord)
      }),
  }
}

type Written = Omit<Experiment, 'spec' | 'labNanoUsd' | 'routeNanoUsd'> & {
  readonly spec: Omit<Experiment['spec'], 'maxNanoUsd'> & { readonly maxNanoUsd: string }
  readonly labNanoUsd: string
  readonly routeNanoUsd: string
}

/** Money as text: JSON has no integers of that size. */
function write({ spec, labNanoUsd, routeNanoUsd, ...rest }: Experiment): string {
  return JSON.stringify({
    ...rest,
    spec: { ...spec, maxNanoUsd: String(spec.maxNanoUsd) },
    labNanoUsd: String(labNanoUsd),
    routeNanoUsd: String(routeNanoUsd),
  })
}

function readExperiment({ version, body }: ExperimentRow): Experiment {
  const { spec, labNanoUsd, routeNanoUsd, ...rest } = JSON.parse(body) as Written
  return {
    ...rest,
    version,
    spec: { ...spec, maxNanoUsd: BigInt(spec.maxNanoUsd) },
    labNanoUsd: BigInt(labNanoUsd),
    routeNanoUsd: BigInt(routeNanoUsd),
  }
}

function readAudit({ body }: BodyRow): AuditRecord {
  return JSON.parse(body) as AuditRecord
}

function readLabel({ id, at, is_good: isGood, prompt, answer }: LabelRow): Label {
  return { id, at, prompt, answer, isGood: isGood !== 0 }
}

function noOf(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw notOurCursor()
  return Number(cursor)
}
