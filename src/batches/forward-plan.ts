// Whether a batch is handed on to a provider: when every line of it, sent alone and now, would go to the same model of a
// provider that takes batches, and what its lines may cost is known. Whatever stands in the way of one line keeps the whole
// batch here, where each line is told in its own words.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Batch, BatchLine } from '../core/batch.ts'
import { lineRequestId } from '../core/batch.ts'
import { GatewayError } from '../core/error.ts'
import type { Deployment } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import { Exchange } from '../exchange.ts'
import type { BatchWire } from '../providers/batch-wire.ts'
import { identified } from '../stages/authenticate.ts'
import type { Engine } from '../stages/engine.ts'
import { namesOwnFiles } from '../stages/file-contents.ts'
import { createRouter } from '../stages/router.ts'
import { noteCall } from '../stages/read.ts'
import type { BatchStore, KeyWithTeam } from '../store/store.ts'
import { payerName } from './forward-holds.ts'
import type { Share } from './forward-holds.ts'
import { noteLine, shareOf } from './forward-line.ts'
import type { ForwardLineTools } from './forward-line.ts'
import { callOfLine, laneOfLine, worstOfLine } from './line-call.ts'
import type { LineCall } from './line-call.ts'

export type ForwardPlanTools = ForwardLineTools & {
  readonly store: Pick<BatchStore, 'waitingLines'>
}

export type ForwardPlan = {
  readonly deployment: Deployment
  readonly wire: BatchWire
  readonly endpoint: string
  /** As the provider takes them. */
  readonly lines: readonly string[]
  readonly bytes: number
  /** What their format asks for beside the body. */
  readonly headers: Readonly<Record<string, string>>
  readonly shares: readonly Share[]
}

const PAGE = 32
/** All of them are in memory at once while they are handed in. */
const MOST_BYTES = 64 * 1024 ** 2
/** Providers promise to be done within a day. */
const SHORTEST_WINDOW_MS = 24 * 3_600_000
const NO_HEADERS = new Headers()
/** Strategies by which equal requests go to the same target; the others spread them. */
const STEADY: ReadonlySet<string> = new Set(['order', 'cheapest'])

/** Null: the batch stays here. */
export async function planForward(batch: Batch, tools: ForwardPlanTools): Promise<ForwardPlan | null> {
  if (batch.dueAt - batch.createdAt < SHORTEST_WINDOW_MS) return null
  try {
    const caller = await tools.keyRing.recall(batch.keyId)
    const gathering = createGathering(batch, caller, tools)
    for await (const line of linesOf(batch, tools)) if (!gathering.add(line)) return null
    return gathering.plan()
  } catch (error) {
    // The line, or the key, is refused: that is told line by line.
    if (error instanceof GatewayError && error.code !== 'store_unavailable') return null
    throw error
  }
}

/** What the lines that are left may cost, by who pays for them: after a start, when nothing is held any more. */
export async function sharesOf(
  batch: Batch,
  deployment: Deployment,
  caller: KeyWithTeam,
  tools: ForwardPlanTools,
): Promise<readonly Share[]> {
  const shares = new Map<string, Share>()
  for await (const line of linesOf(batch, tools)) {
    const read = callOfLine(batch.endpoint, line.body, tools.snapshot())
    const probe = probeOf(batch, line, read, tools)
    noteLine(probe, read.call, caller, batch, tools)
    const worst = worstOfLine(read.call, deployment, tools)
    addShare(shares, shareOf(probe, caller, deployment, worst?.costNanoUsd ?? 0n))
  }
  return [...shares.values()]
}

async function* linesOf(batch: Batch, { store }: Pick<ForwardPlanTools, 'store'>): AsyncGenerator<BatchLine> {
  for (let after = 0; ;) {
    const lines = await store.waitingLines(batch.id, { after, limit: PAGE })
    yield* lines
    const last = lines.at(-1)
    if (last === undefined) return
    after = last.position
    await nextTurn()
  }
}

function addShare(shares: Map<string, Share>, share: Share): void {
  const name = payerName(share.payer)
  const known = shares.get(name)
  const nanoUsd: NanoUsd = share.nanoUsd + (known?.nanoUsd ?? 0n)
  shares.set(name, { ...share, nanoUsd })
}

interface Gathering {
  /** False: this line cannot go where those before it go. Throws what the line would be refused with. */
  add(line: BatchLine): boolean
  plan(): ForwardPlan | null
}

function createGathering(batch: Batch, caller: KeyWithTeam, tools: ForwardPlanTools): Gathering {
  const { engine } = tools
  const snapshot = tools.snapshot()
  const router = createRouter(engine, snapshot)
  const shares = new Map<string, Share>()
  const lines: string[] = []
  let headers: Readonly<Record<string, string>> = {}
  let bytes = 0
  let goal: Pick<ForwardPlan, 'deployment' | 'wire' | 'endpoint'> | null = null

  /** Checks what the line would be checked for on its own way. */
  function checked(line: BatchLine, read: LineCall): Exchange {
    const probe = probeOf(batch, line, read, tools)
    identified(probe, caller)
    noteCall(probe, read.call, NO_HEADERS, engine.attemptTools.redact)
    noteLine(probe, read.call, caller, batch, tools)
    return probe
  }

  function targetOf(read: LineCall, { endUser, tags }: Exchange): Deployment | null {
    const { route, plan } = router.explain({
      call: read.call,
      dialect: read.entrance.dialect,
      caller,
      headers: NO_HEADERS,
      endUser,
      tags,
    })
    const rivals = plan.targets.filter(({ role }) => role === 'target')
    if (rivals.length > 1 && !STEADY.has(route.strategy)) return null
    return plan.targets[0]?.deployment ?? null
  }

  return {
    add(line) {
      const read = callOfLine(batch.endpoint, line.body, snapshot)
      if (needsGateway(read)) return false
      const probe = checked(line, read)
      const deployment = targetOf(read, probe)
      if (deployment === null || (goal !== null && goal.deployment.id !== deployment.id)) return false
      const wire = batchWireOf(deployment, engine)
      const lane = laneOfLine(read, deployment, tools)
      if (wire === null || lane === null || typeof lane.body !== 'string') return false
      const endpoint = wire.endpointOf(lane.url, deployment.provider)
      const worst = worstOfLine(read.call, deployment, tools)
      if (endpoint === null || worst === null || (goal !== null && goal.endpoint !== endpoint)) return false
      const text = wire.line(lineRequestId(batch.id, line), lane.body, endpoint)
      bytes += Buffer.byteLength(text) + 1
      if (lines.push(text) > wire.maxLines || bytes > Math.min(wire.maxBytes, MOST_BYTES)) return false
      headers = withHeaders(headers, lane.headers)
      goal = { deployment, wire, endpoint }
      addShare(shares, shareOf(probe, caller, deployment, worst.costNanoUsd))
      return true
    },
    plan: () => (goal === null ? null : { ...goal, lines, bytes, headers, shares: [...shares.values()] }),
  }
}

/** An account of a line that nobody closes: it is only looked at. */
function probeOf(
  batch: Batch,
  line: BatchLine,
  { entrance }: LineCall,
  { engine, snapshot }: ForwardPlanTools,
): Exchange {
  const { priceOf, baselines, tasks } = snapshot()
  return new Exchange(
    { id: lineRequestId(batch.id, line), clientRequestId: null, entrance },
    {
      clock: engine.clock,
      journal: engine.journal,
      priceOf,
      baselines,
      tasks,
      observed: engine.observed,
      onClosing: () => {},
      onClosed: () => {},
      onLateError: () => {},
    },
  )
}

/** Null: the provider takes no batches. */
export function batchWireOf(deployment: Deployment, { attemptTools }: Pick<Engine, 'attemptTools'>): BatchWire | null {
  if (deployment.provider.quirks.batches !== true) return null
  const host = attemptTools.wireOf(deployment.provider)
  return (host.wireOf?.(deployment) ?? host).batches?.(deployment.provider) ?? null
}

/** What the gateway keeps, files and responses, is here and nowhere else. */
function needsGateway({ call }: LineCall): boolean {
  if (namesOwnFiles(call)) return true
  const { operation, body } = call
  if (operation !== 'responses') return false
  return body['store'] !== false || (body['previous_response_id'] ?? null) !== null
}

const OF_ONE_CALL: ReadonlySet<string> = new Set(['content-type', 'accept'])

/** Headers of all lines; lists of equal names are joined. */
function withHeaders(
  known: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { ...known }
  for (const [name, value] of Object.entries(more)) {
    if (OF_ONE_CALL.has(name)) continue
    const values = new Set([...(headers[name]?.split(',') ?? []), ...value.split(',')].map((one) => one.trim()))
    headers[name] = [...values].join(',')
  }
  return headers
}
