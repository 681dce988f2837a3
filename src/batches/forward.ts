// Batches that are handed on to their provider: handed in once, followed until they are over, and settled by their results.
//
// States (`Batch.forwarding`, durable): none → `own`, or `handing_in` → `handed_in` → `ended`.
// - `handing_in` is durable before the provider is asked. Whoever finds it there (after a crash, or an answer that did not
//   come) looks for the batch at the provider first, and hands it in again only where it is not there. Where that cannot be
//   told, the lines are booked at their estimate and end as `interrupted`: nothing is executed twice.
// - `handed_in` has the provider's id: it can be followed whatever happens here.
// - `ended`: each result that is an answer, or a refusal of the request itself, is an entry and a result of its line. What
//   the provider did not execute, or could not, is executed here while there is time.
//
// What all of it may cost is held in the budgets before it is handed in, at the batch price. A batch that does not fit into
// them stays here, where its lines go as far as the money does.
import type { Batch, BatchStatus, ForwardedTo, Forwarding, LineResult } from '../core/batch.ts'
import { lineRequestId } from '../core/batch.ts'
import { GatewayError } from '../core/error.ts'
import { parseObject } from '../core/json-read.ts'
import type { Deployment } from '../core/model.ts'
import { NO_FACTS } from '../core/model-facts.ts'
import type { BatchWire, HandedIn, ProviderResult } from '../providers/batch-wire.ts'
import type { BatchStore, KeyWithTeam } from '../store/store.ts'
import { linesOf } from './file-content.ts'
import { askProvider, BatchRefused, readProvider } from './forward-calls.ts'
import type { BatchLineTo } from './forward-calls.ts'
import { callerOfBatch, interruptLine, settleLine } from './forward-line.ts'
import type { BookedOn } from './line-call.ts'
import { batchWireOf, planForward, sharesOf } from './forward-plan.ts'
import type { ForwardPlan, ForwardPlanTools } from './forward-plan.ts'

export type ForwardTools = ForwardPlanTools & {
  readonly store: Pick<BatchStore, 'waitingLines' | 'finishLines' | 'moveBatch'>
}

/** What is to be done next with a batch. */
type ForwardStep =
  /** What is left of it is executed here. */
  { readonly type: 'own' } | { readonly type: 'again' } | { readonly type: 'wait'; readonly waitMs: number }

export interface Forwarder {
  /** Throws what may pass. */
  step(batch: Batch, signal: AbortSignal): Promise<ForwardStep>
}

const OWN: ForwardStep = { type: 'own' }
const POLL_MS = 30_000
/** Where it is to end. */
const SHORT_POLL_MS = 5_000
/** A batch that could not be handed in for so long is executed here. */
const HAND_IN_MS = 3_600_000
/** Each try plans and sends all of it anew. */
const RETRY_MS = 60_000
/** How long a provider may take to end a batch that is to end: 10 minutes by OpenAI's documentation. */
const ENDING_MS = 3_600_000
const GROUP = 32
const NO_HEADERS: Readonly<Record<string, string>> = {}

/** Where a batch went, as far as the configuration still knows it. */
type Place = { readonly deployment: Deployment; readonly wire: BatchWire; readonly to: BatchLineTo }

export function createForwarder(tools: ForwardTools): Forwarder {
  const { engine, holds, store } = tools
  const { attemptTools, clock, log } = engine

  /** False: it is in none of these states any more, and nothing was written. */
  async function writeIn(batch: Batch, statuses: readonly BatchStatus[], forwarding: Forwarding): Promise<boolean> {
    for (const status of statuses) {
      const moved = await store.moveBatch(batch.id, [status], { status, at: clock.now(), patch: { forwarding } })
      if (moved !== null) return true
    }
    return false
  }

  /** Its owner may cancel it at any moment, and what has happened has happened. */
  async function write(batch: Batch, forwarding: Forwarding): Promise<void> {
    await writeIn(batch, ['in_progress', 'cancelling'], forwarding)
  }

  /** Null: the provider is not configured any more, or takes no batches now. */
  function placeOf({ deploymentId, credentialId }: ForwardedTo, signal: AbortSignal): Place | null {
    const deployment = tools.snapshot().catalogue.resolve(deploymentId)?.only?.deployment
    const wire = deployment === undefined ? null : batchWireOf(deployment, engine)
    if (deployment === undefined || wire === null) return null
    const { provider } = deployment
    const credential = provider.credentials.find(({ id }) => id === credentialId) ?? provider.credentials[0] ?? null
    return { deployment, wire, to: { provider, credential, headers: NO_HEADERS, signal } }
  }

  async function keepHere(batch: Batch): Promise<ForwardStep> {
    await write(batch, { type: 'own' })
    holds.release(batch.id)
    return OWN
  }

  /** @param since when it was tried for the first time */
  async function begin(batch: Batch, signal: AbortSignal, since: number): Promise<ForwardStep> {
    const plan = await planForward(batch, tools)
    if (plan === null) return keepHere(batch)
    try {
      holds.release(batch.id)
      await holds.hold(batch.id, plan.shares, false)
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'budget_exhausted') throw error
      return await keepHere(batch)
    }
    try {
      engine.bytes.hold(plan.bytes)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      log.warn('batch_not_handed_in', { batch: batch.id, deployment: plan.deployment.id, error: error.message })
      return { type: 'wait', waitMs: RETRY_MS }
    }
    try {
      return await handIn(batch, plan, signal, since)
    } finally {
      engine.bytes.free(plan.bytes)
    }
  }

  async function handIn(batch: Batch, plan: ForwardPlan, signal: AbortSignal, since: number): Promise<ForwardStep> {
    const { deployment, wire, endpoint, lines, headers } = plan
    const { provider } = deployment
    const credential = attemptTools.credentials.choose(provider, { waitMs: () => 0, tried: null })
    const to = { deploymentId: deployment.id, credentialId: credential?.id ?? null, since, lines: lines.length }
    if (!(await writeIn(batch, ['in_progress'], { type: 'handing_in', to }))) {
      holds.release(batch.id)
      return { type: 'again' }
    }
    const line: BatchLineTo = { provider, credential, headers, signal }
    try {
      let handed: HandedIn = { batchId: batch.id, model: deployment.model, endpoint, lines, fileId: null }
      if (wire.upload !== undefined) {
        const uploaded = await askProvider(wire.upload.call(handed, provider), line, attemptTools)
        handed = { ...handed, fileId: told(wire.upload.idOf(uploaded)) }
      }
      const id = told(wire.idOf(await askProvider(wire.create(handed, provider), line, attemptTools)))
      await write(batch, { type: 'handed_in', id, to })
      log.info('batch_handed_in', { batch: batch.id, deployment: deployment.id, lines: lines.length })
      return { type: 'wait', waitMs: POLL_MS }
    } catch (error) {
      const why = attemptTools.redact(error instanceof Error ? error.message : String(error))
      log.warn('batch_not_handed_in', { batch: batch.id, deployment: deployment.id, error: why })
      return error instanceof BatchRefused ? keepHere(batch) : { type: 'wait', waitMs: RETRY_MS }
    }
  }

  /** Nobody knows whether the provider has it. */
  async function lookFor(batch: Batch, to: ForwardedTo, signal: AbortSignal): Promise<ForwardStep> {
    const place = placeOf(to, signal)
    if (place === null) return giveUp(batch, to, null, null)
    const sought = { batchId: batch.id, since: to.since, lines: to.lines }
    const found = await askProvider(place.wire.list(place.to.provider), place.to, attemptTools).then(
      (answer) => place.wire.find(answer, sought),
      (error: unknown) => {
        if (error instanceof BatchRefused) return { type: 'unsure' } as const
        throw error
      },
    )
    switch (found.type) {
      case 'found':
        await write(batch, { type: 'handed_in', id: found.id, to })
        return { type: 'again' }
      case 'none':
        return isToEnd(batch) || clock.now() > to.since + HAND_IN_MS ? keepHere(batch) : begin(batch, signal, to.since)
      case 'unsure':
        return giveUp(batch, to, place, null)
    }
  }

  async function follow(
    batch: Batch,
    { id, to }: Extract<Forwarding, { type: 'handed_in' }>,
    signal: AbortSignal,
  ): Promise<ForwardStep> {
    const isLate = clock.now() > (batch.enteredAt.cancelling ?? batch.dueAt) + ENDING_MS
    const place = placeOf(to, signal)
    if (isLate) return giveUp(batch, to, place, id)
    if (place === null) throw new Error(`${to.deploymentId} has the batch, and is not configured any more`)
    const { deployment, wire } = place
    const caller = await callerOfBatch(batch, tools)
    if (!holds.has(batch.id)) await holds.hold(batch.id, await sharesOf(batch, deployment, caller, tools), true)
    const { provider } = place.to
    if (isToEnd(batch)) await askProvider(wire.cancel(id, provider), place.to, attemptTools).catch(ignoreRefusal)
    try {
      const state = wire.read(await askProvider(wire.get(id, provider), place.to, attemptTools), provider)
      if (state.type === 'running') return { type: 'wait', waitMs: isToEnd(batch) ? SHORT_POLL_MS : POLL_MS }
      for (const call of state.results)
        await takeResults(batch, to, place, caller, readProvider(call, place.to, attemptTools))
    } catch (error) {
      // The provider has forgotten it. Any other refusal (of a credential, say) may be mended.
      if (error instanceof BatchRefused && error.isOfAbsence) return giveUp(batch, to, place, id)
      throw error
    }
    await write(batch, { type: 'ended', id, to })
    holds.release(batch.id)
    return { type: 'again' }
  }

  async function takeResults(
    batch: Batch,
    to: ForwardedTo,
    { deployment, wire }: Place,
    caller: KeyWithTeam,
    content: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    // By line: a result that is told twice counts once.
    const group = new Map<number, Promise<LineResult>>()
    const settleGroup = async (): Promise<void> => {
      const results = await Promise.all(group.values())
      group.clear()
      if (results.length > 0) await store.finishLines(batch.id, results)
    }
    for await (const { text } of linesOf(content)) {
      const json = parseObject(text)
      const result = json === null ? null : wire.readResult(json)
      const answer = result === null ? null : executed(result)
      const line = result === null || answer === null ? null : await waitingLine(batch.id, result.customId)
      if (line === null || answer === null || group.has(line.position)) continue
      group.set(line.position, settleLine({ batch, line, to }, answer, deployment, caller, tools))
      if (group.size === GROUP) await settleGroup()
    }
    await settleGroup()
  }

  async function waitingLine(batchId: string, customId: string) {
    const position = Number(/_(\d+)$/.exec(customId)?.[1] ?? 0)
    const [line] = await store.waitingLines(batchId, { after: position - 1, limit: 1 })
    return line !== undefined && lineRequestId(batchId, line) === customId ? line : null
  }

  /** Nobody can say what became of its lines. */
  async function giveUp(batch: Batch, to: ForwardedTo, place: Place | null, id: string | null): Promise<ForwardStep> {
    log.error('batch_lost', { batch: batch.id, deployment: to.deploymentId })
    const caller = await callerOfBatch(batch, tools)
    const deployment = place?.deployment ?? goneDeployment(to.deploymentId)
    for (let after = 0; ;) {
      const lines = await store.waitingLines(batch.id, { after, limit: GROUP })
      const last = lines.at(-1)
      if (last === undefined) break
      after = last.position
      const ended = lines.map((line) => interruptLine({ batch, line, to }, deployment, caller, tools))
      await store.finishLines(batch.id, await Promise.all(ended))
    }
    await write(batch, { type: 'ended', id, to })
    holds.release(batch.id)
    return { type: 'again' }
  }

  function isToEnd(batch: Batch): boolean {
    return batch.status === 'cancelling' || clock.now() >= batch.dueAt
  }

  return {
    async step(batch, signal) {
      const { forwarding } = batch
      if (forwarding === undefined) {
        const { forward } = tools.snapshot().config.batches
        return forward === 'never' || batch.status !== 'in_progress' || isToEnd(batch)
          ? OWN
          : begin(batch, signal, clock.now())
      }
      switch (forwarding.type) {
        case 'own':
        case 'ended':
          return OWN
        case 'handing_in':
          return lookFor(batch, forwarding.to, signal)
        case 'handed_in':
          return follow(batch, forwarding, signal)
      }
    },
  }
}

function goneDeployment(id: string): BookedOn {
  const slash = id.indexOf('/')
  return { id, provider: { name: id.slice(0, slash) }, model: id.slice(slash + 1), facts: NO_FACTS }
}

function told(id: string | null): string {
  if (id === null || id === '') throw new Error('the provider’s answer names no id')
  return id
}

function ignoreRefusal(error: unknown): void {
  // It is over already.
  if (!(error instanceof BatchRefused)) throw error
}

/** Null: the provider did not execute it, or failed to for a reason that may pass. */
function executed({ answer }: ProviderResult): ProviderResult['answer'] {
  return answer === null || answer.status >= 500 || answer.status === 429 ? null : answer
}
