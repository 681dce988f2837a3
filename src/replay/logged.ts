// The request log as a replay reads it: who asked for what, who answered with which chance, what it used, and what came of it.
import type { Team, VirtualKey } from '../core/key.ts'
import { UNRESTRICTED_KEY } from '../core/key.ts'
import type { RequestRecord } from '../core/ledger.ts'
import { outputTokens, type Usage } from '../core/usage.ts'
import type { EvidenceKind } from '../lab/score.ts'
import { promptOf } from '../lab/prompt.ts'
import { declaredTask, isTask, taskOf, TASKS, type TaskShares } from '../lab/task.ts'
import { keptPlanOf } from '../routing/kept-plan.ts'
import type { EvidenceStore, KeyStore, PromptStore, RequestStore } from '../store/store.ts'

export type LoggedRequest = {
  readonly record: RequestRecord
  readonly key: VirtualKey
  readonly team: Team | null
  /** Deployment that answered. */
  readonly target: string
  readonly usage: Usage
  readonly costNanoUsd: number
  /** Null: what kind of work it was is not on record. */
  readonly shares: TaskShares | null
  /** The chance that who answered had to be asked first; null: it was asked because another had failed, or nobody knows. */
  readonly propensity: number | null
  /** What people, programs or judges said of the answer, 0–1; null: nobody did. */
  readonly verdict: number | null
}

export type Log = {
  /** Oldest first. */
  readonly requests: readonly LoggedRequest[]
  /** Why others are not replayed, and how many they are. */
  readonly leftOut: ReadonlyMap<string, number>
  /** There are more in that time than were read. */
  readonly isCut: boolean
}

export type LogStore = Pick<RequestStore, 'listRequests'> &
  Pick<KeyStore, 'getKey' | 'getTeam'> &
  Pick<EvidenceStore, 'getAnswered' | 'evidenceOf'> &
  Pick<PromptStore, 'getPrompt'>

const PAGE = 500
/** Kinds of evidence that can speak for an answer as well as against it; what only tells of faults would make every answer look bad. */
const VERDICTS: ReadonlySet<string> = new Set<EvidenceKind>(['thumb', 'task_success', 'judge', 'human'])

/** The newest requests of a time, at most `limit`. */
export async function readLog(
  store: LogStore,
  { from, to, limit }: { readonly from: number; readonly to: number; readonly limit: number },
): Promise<Log> {
  const leftOut = new Map<string, number>()
  const found: Read[] = []
  const keys = new Map<string, Pick<LoggedRequest, 'key' | 'team'>>()
  let cursor: string | null = null
  let seen = 0
  do {
    const page = await store.listRequests({ cursor, limit: Math.min(PAGE, limit - seen), from, to })
    seen += page.data.length
    cursor = page.next
    for (const record of page.data) {
      const why = whyLeftOut(record)
      if (why === null) found.push(await readRequest(record, store, keys))
      else leftOut.set(why, (leftOut.get(why) ?? 0) + 1)
    }
  } while (cursor !== null && seen < limit)
  return { requests: withDrawnChances(found).reverse(), leftOut, isCut: cursor !== null }
}

function whyLeftOut({ dimensions, target, usage, costNanoUsd, errorCode, finishReason }: RequestRecord): string | null {
  if (dimensions.purpose === 'lab') return 'were asked by the lab'
  if (dimensions.operation !== 'chat') return 'are no chats'
  if (errorCode !== null || target === null || costNanoUsd === null || usage === null || finishReason === null)
    return 'had no whole answer of a provider'
  return null
}

type Read = LoggedRequest & {
  /** Drawn by weight: its chance is how often its route drew it. */
  readonly drawn: string | null
}

async function readRequest(
  record: RequestRecord,
  store: LogStore,
  keys: Map<string, Pick<LoggedRequest, 'key' | 'team'>>,
): Promise<Read> {
  const { dimensions, usage, costNanoUsd, target } = record
  let caller = keys.get(dimensions.keyId)
  if (caller === undefined) {
    // A key that is gone may no longer be known to be limited: its requests are replayed as they were.
    const key = (await store.getKey(dimensions.keyId)) ?? { ...UNRESTRICTED_KEY, id: dimensions.keyId }
    const teamId = key.teamId ?? dimensions.teamId
    keys.set(dimensions.keyId, (caller = { key, team: teamId === null ? null : await store.getTeam(teamId) }))
  }
  const plan = record.plan === undefined ? null : keptPlanOf(record.plan)
  const first = plan?.targets[0]
  const isFirst = first === undefined || first.target === target
  const decision = plan?.decision ?? null
  const isDrawn = decision === null && first?.reason.startsWith('weight') === true
  const { shares, verdict } = await learned(record, decision?.tasks ?? null, store)
  return {
    record,
    ...caller,
    target: target!,
    usage: usage!,
    costNanoUsd: Number(costNanoUsd),
    shares,
    propensity: isFirst ? (decision?.propensity ?? 1) : null,
    verdict,
    drawn: isFirst && isDrawn ? `${dimensions.route} ${target}` : null,
  }
}

/** What the lab knows of a request: from what it noted, from its plan, from what its caller said, from its words where they are kept. */
async function learned(
  { id, dimensions }: RequestRecord,
  planned: Readonly<Record<string, number>> | null,
  store: LogStore,
): Promise<Pick<LoggedRequest, 'shares' | 'verdict'>> {
  const answered = await store.getAnswered(id)
  const verdict = answered === null ? null : verdictOf(await store.evidenceOf(id))
  if (answered !== null && answered.shares.length === TASKS.length) return { shares: answered.shares, verdict }
  if (planned !== null && Object.keys(planned).length > 0) {
    const shares = TASKS.map((task) => planned[task] ?? 0)
    const sum = shares.reduce((total, share) => total + share, 0)
    return { shares: shares.map((share) => share / sum), verdict }
  }
  if (isTask(dimensions.task)) return { shares: declaredTask(dimensions.task).shares, verdict }
  const content = (await store.getPrompt(id))?.content ?? null
  return { shares: content === null ? null : taskOf(promptOf(content.request)).shares, verdict }
}

function verdictOf(evidence: Awaited<ReturnType<LogStore['evidenceOf']>>): number | null {
  let sum = 0
  let weights = 0
  for (const { kind, quality, weight } of evidence) {
    if (!VERDICTS.has(kind)) continue
    sum += weight * quality
    weights += weight
  }
  return weights === 0 ? null : sum / weights
}

/** A draw by weight leaves no chance behind; how often each was drawn tells it. */
function withDrawnChances(requests: readonly Read[]): LoggedRequest[] {
  const drawn = new Map<string, number>()
  const ofRoute = new Map<string, number>()
  const count = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const { drawn: name, record } of requests) {
    if (name === null) continue
    count(drawn, name)
    count(ofRoute, record.dimensions.route)
  }
  return requests.map(({ drawn: name, ...request }) =>
    name === null
      ? request
      : { ...request, propensity: drawn.get(name)! / ofRoute.get(request.record.dimensions.route)! },
  )
}

/** Mean output of the answers of each deployment, where enough are on record to tell. */
export function meanOutputs(requests: readonly LoggedRequest[]): ReadonlyMap<string, number> {
  const sums = new Map<string, { tokens: number; answers: number }>()
  for (const { target, usage } of requests) {
    const sum = sums.get(target) ?? { tokens: 0, answers: 0 }
    sum.tokens += outputTokens(usage)
    sum.answers++
    sums.set(target, sum)
  }
  return new Map(
    Array.from(sums).flatMap(([target, { tokens, answers }]) =>
      answers >= FEWEST_ANSWERS && tokens > 0 ? [[target, tokens / answers] as const] : [],
    ),
  )
}

const FEWEST_ANSWERS = 20
