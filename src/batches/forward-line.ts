// One line of a batch that a provider executes: what is handed in for it, and what its result is to the caller and the books.
//
// A result takes the way that the answer to a request takes from its head on: read, translated, relayed, settled, in the
// name of the key that made the batch, at the batch price. It needs no intent: until its entry is durable, the provider's
// batch is what tells that there is something to book, and its results can be fetched again.
import { textOf } from '../core/reply.ts'
import type { Batch, BatchLine, ForwardedTo, LineResult } from '../core/batch.ts'
import { lineRequestId } from '../core/batch.ts'
import type { Call } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { UNRESTRICTED_KEY } from '../core/key.ts'
import type { Deployment } from '../core/model.ts'
import type { NanoUsd } from '../core/money.ts'
import type { Outcome } from '../core/outcome.ts'
import { resultLine } from '../dialects/openai-batches.ts'
import type { LineAnswer } from '../dialects/openai-batches.ts'
import type { Exchange } from '../exchange.ts'
import type { Stages } from '../handle.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { versionWithTier } from '../ledger/billed-tier.ts'
import type { ProviderResult } from '../providers/batch-wire.ts'
import { sizeOf, worstOf } from '../stages/admit.ts'
import { payerOf } from '../stages/spending.ts'
import { noteCall } from '../stages/read.ts'
import type { KeyWithTeam, LedgerStore } from '../store/store.ts'
import type { ForwardHolds, Share } from './forward-holds.ts'
import { attemptOf, shownOf, toldBy } from './forward-result.ts'
import { callOfLine, worstOfLine } from './line-call.ts'
import type { BookedOn, LineCall, LineCallTools } from './line-call.ts'

export type ForwardLineTools = LineCallTools & {
  /** Asked each time: a reload may change them. */
  readonly stages: () => Stages
  readonly keyRing: Pick<KeyRing, 'recall' | 'find' | 'owner'>
  readonly ledger: Pick<LedgerStore, 'getEntry'>
  readonly holds: ForwardHolds
}

const NO_HEADERS = new Headers()

/** Whose line it is, also when the key may not be used any more: what a provider has executed is booked all the same. */
export async function callerOfBatch(
  { keyId, owner: ownerId }: Batch,
  { keyRing }: Pick<ForwardLineTools, 'keyRing'>,
): Promise<KeyWithTeam> {
  const found = await keyRing.find(keyId)
  if (found !== null) return found
  const key = { ...UNRESTRICTED_KEY, id: keyId }
  // Nobody gets out of paying by revoking a key.
  const owner = await keyRing.owner(ownerId)
  return owner === null ? { key, team: null } : { key: { ...key, userId: ownerId }, team: null, owner }
}

export type SettledLine = { readonly batch: Batch; readonly line: BatchLine; readonly to: ForwardedTo }

/** What the provider made of a line, booked unless it is booked already. */
export async function settleLine(
  { batch, line, to }: SettledLine,
  answer: NonNullable<ProviderResult['answer']>,
  deployment: Deployment,
  caller: KeyWithTeam,
  tools: ForwardLineTools,
): Promise<LineResult> {
  const id = lineRequestId(batch.id, line)
  const read = callOfLine(batch.endpoint, line.body, tools.snapshot())
  const told = await toldBy(answer, { id, read, deployment, to }, tools)
  if ((await tools.ledger.getEntry(id)) !== null) return resultOf(line, id, shownOf(told, id, read, tools))
  const exchange = await openLine({ batch, line, to }, read, deployment, caller, tools)
  exchange.attempts.push(told.attempt)
  const request = requestOf(batch)
  const stages = tools.stages()
  const reply =
    told.type === 'answer'
      ? await stages.relay(exchange, request, told.answer)
      : await stages.refuse(exchange, told.error)
  return resultOf(line, id, { type: 'answered', status: reply.status, body: await textOf(reply) })
}

const INTERRUPTED: Extract<LineAnswer, { type: 'not_executed' }> = {
  type: 'not_executed',
  code: 'interrupted',
  message: 'It is not known whether the provider executed this request. It is booked, and is not executed again.',
}

/** A line of which nobody can say whether it was executed: booked at its estimate. */
export async function interruptLine(
  { batch, line, to }: SettledLine,
  deployment: BookedOn,
  caller: KeyWithTeam,
  tools: ForwardLineTools,
): Promise<LineResult> {
  const id = lineRequestId(batch.id, line)
  if ((await tools.ledger.getEntry(id)) === null) {
    const read = callOfLine(batch.endpoint, line.body, tools.snapshot())
    const exchange = await openLine({ batch, line, to }, read, deployment, caller, tools)
    const outcome: Outcome = { type: 'broken', reason: 'the batch of the provider was lost' }
    const usage = exchange.intent?.estimateUsage
    const lost = attemptOf(deployment, to, outcome, null, tools)
    exchange.attempts.push(usage === undefined ? lost : { ...lost, consumed: { usage, costNanoUsd: null } })
    await tools.stages().refuse(exchange, new GatewayError('all_targets_failed', { message: INTERRUPTED.message }))
  }
  return resultOf(line, id, INTERRUPTED)
}

function resultOf({ position, customId }: BatchLine, id: string, answer: LineAnswer): LineResult {
  const ok = answer.type === 'answered' && answer.status < 300
  return { position, ok, text: resultLine(id, customId, answer) }
}

function requestOf({ endpoint }: Batch): Request {
  return new Request(`http://gateway${endpoint}`, { method: 'POST' })
}

/** The account of a line, as admission would leave it: it holds what it may cost. */
async function openLine(
  { batch, line }: SettledLine,
  { call, entrance }: LineCall,
  deployment: BookedOn,
  caller: KeyWithTeam,
  tools: ForwardLineTools,
): Promise<Exchange> {
  const { engine, holds } = tools
  const exchange = tools.stages().open(requestOf(batch), entrance, lineRequestId(batch.id, line))
  exchange.tier = 'batch'
  noteLine(exchange, call, caller, batch, tools)
  const worst = worstOfLine(call, deployment, tools)
  const estimateNanoUsd = worst?.costNanoUsd ?? 0n
  const share = shareOf(exchange, caller, deployment, estimateNanoUsd)
  exchange.budget = await holds.take(batch.id, share)
  exchange.intent = {
    id: exchange.id,
    createdAt: exchange.startedAt,
    deadlineAt: engine.clock.now(),
    dimensions: exchange.dimensions,
    provider: deployment.provider.name,
    model: deployment.model,
    estimateNanoUsd,
    estimateUsage: worst?.usage ?? worstOf(deployment, {}, sizeOf(call), engine.observed).usage,
    priceVersion: worst === null ? '' : versionWithTier(worst.pricing.version, 'batch'),
  }
  return exchange
}

/** Fills in whose request it is. What its key may do was asked when it was handed in. */
export function noteLine(
  exchange: Exchange,
  call: Call,
  caller: KeyWithTeam,
  batch: Batch,
  { engine, snapshot }: LineCallTools,
): void {
  exchange.tags = [...new Set([...(caller.team?.tags ?? []), ...caller.key.tags, `batch:${batch.id}`])]
  noteCall(exchange, call, NO_HEADERS, engine.attemptTools.redact)
  exchange.caller = caller
  exchange.route = snapshot().catalogue.resolve(call.facts.model)?.name ?? call.facts.model
}

export function shareOf(
  exchange: Exchange,
  caller: KeyWithTeam,
  { provider, model }: Pick<BookedOn, 'provider' | 'model'>,
  nanoUsd: NanoUsd,
): Share {
  return { payer: payerOf(exchange, caller), provider: provider.name, model, nanoUsd }
}
