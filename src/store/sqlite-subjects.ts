// Interns what repeats from request to request: combinations of dimensions (`subjects`) and short texts (`words`) become
// numbers, remembered in memory. Rows are only ever added, so a remembered number stays right whoever added it; after a
// rollback everything is forgotten, because the numbers may be those of rows that were never committed.
import { createHash } from 'node:crypto'
import type { Connection } from './sqlite-connection.ts'
import { COARSEN } from './migration-reports.ts'
import type { Dimensions, Purpose } from '../core/ledger.ts'

/** The numbers that stand for the dimensions and the target of one request. */
export type Subject = {
  /** All of it. */
  readonly no: number
  /** Without end user, tags, dialect and the name that the caller wrote: the finest thing most reports ask for. */
  readonly slim: number
  /** Team, organisation, route, purpose, provider and model only: what reports over long times ask for. */
  readonly coarse: number
  /** With end user and tags as well; null when there are none, and then `slim` says it all. */
  readonly detail: number | null
  /** Word of the key's id. */
  readonly key: number
}

/** Columns of `subjects`, for whoever reads them back. */
export type SubjectRow = {
  readonly key_id: string
  readonly team_id: string | null
  readonly end_user: string | null
  readonly tags: string
  readonly requested_model: string
  readonly route: string
  readonly operation: string
  readonly dialect: string
  readonly provider: string | null
  readonly model: string | null
  readonly organisation: string | null
  readonly task: string | null
  readonly purpose: string | null
}

export const SUBJECT_COLUMNS =
  'key_id, team_id, end_user, tags, requested_model, route, operation, dialect, provider, model, organisation, task, purpose'

export type Interner = {
  /** Call it inside a write transaction. A target of null: the request reached no provider. */
  subject(dimensions: Dimensions, provider: string | null, model: string | null): Subject
  /** Call it inside a write transaction. */
  word(text: string): number
  forget(): void
}

type Known = {
  readonly dimensions: Dimensions
  readonly provider: string | null
  readonly model: string | null
  readonly subject: Subject
}

/** Most keys ask for few models, by few names. */
const LATEST_OF_KEY = 4

/** Bound of each memory; it starts afresh when full, as end users may be countless. */
const MAX_REMEMBERED = 20_000

export function createInterner(database: Connection): Interner {
  const subjects = new Map<string, Subject>()
  const words = new Map<string, number>()
  /** The latest of each key: an intent and its entry ask one after the other, and to compare costs a fraction of a name. */
  const latest = new Map<string, Known[]>()
  const insertWord = database.hotStatement('INSERT INTO words (word) VALUES (?) ON CONFLICT DO NOTHING')
  const findWord = database.hotStatement<{ no: number }, [string]>('SELECT no FROM words WHERE word = ?')
  const insertSubject = database.hotStatement(
    `INSERT INTO subjects (digest, ${SUBJECT_COLUMNS}) VALUES (?${', ?'.repeat(13)}) ON CONFLICT DO NOTHING`,
  )
  const findCoarse = database.hotStatement<{ no: number }, [number]>(
    'SELECT coarse AS no FROM coarse_subjects WHERE subject = ?',
  )
  const coarsen = COARSEN.map((sql) => database.hotStatement(`${sql} WHERE no = ? ON CONFLICT DO NOTHING`))
  const findSubject = database.hotStatement<{ no: number }, [Uint8Array]>('SELECT no FROM subjects WHERE digest = ?')

  function word(text: string): number {
    const known = words.get(text)
    if (known !== undefined) return known
    insertWord.run(text)
    const no = found(findWord.get(text))
    if (words.size >= MAX_REMEMBERED) words.clear()
    words.set(text, no)
    return no
  }

  function intern(dimensions: Dimensions, provider: string | null, model: string | null): number {
    const { keyId, teamId, endUser, tags, requestedModel, route, operation, dialect } = dimensions
    const { organisation = null, task = null, purpose = null } = dimensions
    const rest = organisation === null && task === null && purpose === null ? [] : [organisation, task, purpose]
    const columns = [keyId, teamId, endUser, JSON.stringify(tags), requestedModel, route, operation, dialect] as const
    const digest = createHash('sha256')
      .update(JSON.stringify([...columns, provider, model, ...rest]))
      .digest()
      .subarray(0, 16)
    insertSubject.run(digest, ...columns, provider, model, organisation, task, purpose)
    return found(findSubject.get(digest))
  }

  function coarseOf(slim: number): number {
    const known = findCoarse.get(slim)
    if (known !== null) return known.no
    for (const statement of coarsen) statement.run(slim)
    return found(findCoarse.get(slim))
  }

  function subject(dimensions: Dimensions, provider: string | null, model: string | null): Subject {
    let recent = latest.get(dimensions.keyId)
    if (recent === undefined) {
      if (latest.size >= MAX_REMEMBERED) latest.clear()
      latest.set(dimensions.keyId, (recent = []))
    }
    for (const known of recent)
      if (known.provider === provider && known.model === model && isSame(known.dimensions, dimensions))
        return known.subject
    const subject = named(dimensions, provider, model)
    if (recent.length >= LATEST_OF_KEY) recent.shift()
    recent.push({ dimensions, provider, model, subject })
    return subject
  }

  function named(dimensions: Dimensions, provider: string | null, model: string | null): Subject {
    const { keyId, teamId, endUser, tags, requestedModel, route, operation, dialect, organisation, task, purpose } =
      dimensions
    const name = JSON.stringify([
      keyId,
      teamId,
      endUser,
      tags,
      requestedModel,
      route,
      operation,
      dialect,
      provider,
      model,
      organisation,
      task,
      purpose,
    ])
    const known = subjects.get(name)
    if (known !== undefined) return known
    const bare = { ...dimensions, requestedModel: '', dialect: '' }
    const slim = intern({ ...bare, endUser: null, tags: [] }, provider, model)
    const added: Subject = {
      no: intern(dimensions, provider, model),
      slim,
      coarse: coarseOf(slim),
      detail:
        endUser === null && tags.length === 0
          ? null
          : intern({ ...bare, tags: [...new Set(tags)].sort() }, provider, model),
      key: word(keyId),
    }
    if (subjects.size >= MAX_REMEMBERED) subjects.clear()
    subjects.set(name, added)
    return added
  }

  return {
    subject,
    word,
    forget() {
      subjects.clear()
      words.clear()
      latest.clear()
    },
  }
}

function isSame(one: Dimensions, other: Dimensions): boolean {
  return (
    one.keyId === other.keyId &&
    one.requestedModel === other.requestedModel &&
    one.dialect === other.dialect &&
    one.route === other.route &&
    one.operation === other.operation &&
    one.teamId === other.teamId &&
    one.endUser === other.endUser &&
    one.organisation === other.organisation &&
    one.task === other.task &&
    one.purpose === other.purpose &&
    isSameList(one.tags, other.tags)
  )
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((tag, place) => tag === other[place]))
}

function found(row: { readonly no: number } | null): number {
  if (row === null) throw new Error('a row that was just inserted is not there')
  return row.no
}

/** The dimensions that a row of `subjects` stands for. */
export function dimensionsOf(row: SubjectRow): Dimensions {
  return {
    keyId: row.key_id,
    teamId: row.team_id,
    endUser: row.end_user,
    tags: JSON.parse(row.tags) as readonly string[],
    requestedModel: row.requested_model,
    route: row.route,
    operation: row.operation,
    dialect: row.dialect,
    ...(row.organisation === null ? {} : { organisation: row.organisation }),
    ...(row.task === null ? {} : { task: row.task }),
    ...(row.purpose === null ? {} : { purpose: row.purpose as Purpose }),
  }
}
