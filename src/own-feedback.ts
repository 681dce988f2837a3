// `POST /v1/feedback`: what a caller says of the answer to one of its requests, minutes or days later, and the same from evaluation tools.
//
// A source that says the same kind of thing again replaces what it said, so a call may be repeated. What is said is durable before the answer.
import type { FeedbackWebhookConfig } from './config/schema-feedback.ts'
import type { AnsweredRequest } from './core/evidence.ts'
import { GatewayError } from './core/error.ts'
import type { JsonObject, JsonValue } from './core/json.ts'
import { readPointer } from './core/json-pointer.ts'
import { didYouMean } from './core/nearest.ts'
import type { AddressOf } from './handle.ts'
import { readJsonBody } from './http/body.ts'
import type { ByteBudget } from './http/body.ts'
import type { Clock } from './core/clock.ts'
import type { Said } from './lab/evidence-book.ts'
import { declaredTask, isTask, type Task, TASKS } from './lab/task.ts'
import { callerOf, type OwnAnswerTools } from './own-answers.ts'
import type { Quality } from './quality.ts'
import type { KeyWithTeam } from './store/store.ts'

export type FeedbackTools = OwnAnswerTools & {
  readonly quality: Quality
  readonly bytes: ByteBudget
  readonly clock: Clock
}

/** What was said of one answer. */
type Feedback = {
  readonly requestId: string
  readonly source: string
  readonly score: number | null
  readonly isThumbUp: boolean | null
  readonly isSuccess: boolean | null
  readonly label: Task | null
  readonly comment: string | null
}

const FIELDS = ['request_id', 'source', 'score', 'thumb', 'task_success', 'label', 'comment']
const MAX_BYTES = 1024 * 1024
const BODY = { depth: 32, keys: 20_000 }
const MAX_COMMENT = 2_000
/** Things that may be said of one answer, and items of one webhook. */
const MAX_SAID = 64
const MAX_ITEMS = 1_000
const CACHED = 'cache/'

export async function takeFeedback(request: Request, addressOf: AddressOf, tools: FeedbackTools): Promise<Response> {
  const caller = await callerOf(request, addressOf, tools)
  return Response.json(await count(readFeedback(await bodyOf(request, tools)), caller, tools))
}

/** `name`: of the mapping that tells where things stand in what the tool sends. */
export async function takeWebhook(
  request: Request,
  addressOf: AddressOf,
  name: string,
  tools: FeedbackTools,
): Promise<Response> {
  const caller = await callerOf(request, addressOf, tools)
  const { webhooks } = tools.snapshot.config.feedback
  const mapping = Object.hasOwn(webhooks, name) ? webhooks[name] : undefined
  if (mapping === undefined)
    throw new GatewayError('not_found', {
      message: withGuess('There is no feedback webhook of this name.', name, Object.keys(webhooks)),
    })
  const body = await bodyOf(request, tools)
  if (mapping.items === undefined) return Response.json(await count(mapped(body, mapping, name), caller, tools))
  const items = readPointer(body, mapping.items)
  if (!Array.isArray(items) || items.length > MAX_ITEMS)
    throw malformed(mapping.items, `At ${mapping.items} there must be a list of at most ${MAX_ITEMS} items.`)
  const skipped: { index: number; code: string; message: string }[] = []
  for (const [index, item] of items.entries()) {
    try {
      await count(mapped(item, mapping, name), caller, tools)
    } catch (error) {
      // One item that is wrong does not make the tool send all of them again.
      if (!(error instanceof GatewayError) || error.status >= 500) throw error
      skipped.push({ index, code: error.code, message: error.message })
    }
  }
  return Response.json({ object: 'weir.feedback_list', counted: items.length - skipped.length, skipped })
}

async function bodyOf(request: Request, { bytes, clock, snapshot }: FeedbackTools): Promise<JsonObject> {
  const { bodyTimeoutMs } = snapshot.config.server
  const body = await readJsonBody(request, { bytes: MAX_BYTES, timeoutMs: bodyTimeoutMs, json: BODY }, bytes, clock)
  bytes.free(body.heldBytes)
  return body.value
}

async function count(feedback: Feedback, caller: KeyWithTeam, tools: FeedbackTools): Promise<object> {
  const { book, taskLearning } = tools.quality
  const { requestId, label, source } = feedback
  const about = await requestOf(requestId, caller, tools)
  const saidBefore = await book.saidOf(requestId)
  if (saidBefore.length >= MAX_SAID && !saidBefore.some((said) => said.source === source))
    throw malformed('request_id', `${MAX_SAID} things have been said of this answer, and more are not taken.`)
  const said = saidIn(feedback)
  const named = label === null ? undefined : declaredTask(label).shares
  // Said again, a label teaches nothing new.
  if (label !== null && about.shares[TASKS.indexOf(label)] !== 1) taskLearning.correct(about, about.shares, label)
  const replaced = await book.say(about, said, named)
  return {
    object: 'weir.feedback',
    request_id: requestId,
    counted: [...said.map(({ evidence }) => evidence.kind), ...(label === null ? [] : ['label'])],
    replaced,
  }
}

function saidIn({ source, comment, score, isThumbUp, isSuccess }: Feedback): readonly Said[] {
  const said: Said[] = []
  const add = (kind: 'score' | 'thumb' | 'task_success', quality: number | null): void => {
    if (quality !== null) said.push({ source, comment, evidence: { kind, quality, weight: null } })
  }
  add('score', score)
  add('thumb', isThumbUp === null ? null : Number(isThumbUp))
  add('task_success', isSuccess === null ? null : Number(isSuccess))
  return said
}

/** The caller's own request, with its task and deployment. Throws `not_found` for any other. */
async function requestOf(id: string, { key }: KeyWithTeam, tools: FeedbackTools): Promise<AnsweredRequest> {
  const known = await tools.quality.book.find(id)
  if (known !== null && known.keyId === key.id) return known
  const record = known === null ? await tools.requests.getRequest(id) : null
  if (record === null || record.dimensions.keyId !== key.id)
    throw new GatewayError('not_found', {
      message: 'This key has made no request of this id, or it is too long ago.',
      param: 'request_id',
    })
  if (record.target === null || record.errorCode !== null)
    throw malformed('request_id', 'This request had no answer that could be good or bad.')
  const { dimensions, at, target } = record
  return {
    id,
    at,
    keyId: key.id,
    teamId: dimensions.teamId,
    route: dimensions.route,
    // An answer that was given again is still that deployment's.
    deployment: target.startsWith(CACHED) ? target.slice(CACHED.length) : target,
    // Nobody has looked at it, and what it asked for is not known any more.
    shares: declaredTask('other').shares,
  }
}

function readFeedback(body: JsonObject): Feedback {
  for (const name of Object.keys(body))
    if (!FIELDS.includes(name))
      throw malformed(name, withGuess(`Feedback has no field ${JSON.stringify(name.slice(0, 60))}.`, name, FIELDS))
  const { thumb, task_success: success } = body
  if (thumb !== undefined && thumb !== 'up' && thumb !== 'down')
    throw malformed('thumb', '`thumb` must be `up` or `down`.')
  if (success !== undefined && typeof success !== 'boolean')
    throw malformed('task_success', '`task_success` must be true or false.')
  return checked({
    requestId: textIn(body, 'request_id', 200) ?? '',
    source: textIn(body, 'source', 64) ?? 'caller',
    score: scoreIn(body['score'], 'score', [0, 1]),
    isThumbUp: thumb === undefined ? null : thumb === 'up',
    isSuccess: success ?? null,
    label: labelIn(body['label'], 'label'),
    comment: textIn(body, 'comment', MAX_COMMENT),
  })
}

function mapped(item: JsonValue, mapping: FeedbackWebhookConfig, name: string): Feedback {
  const at = (pointer: string | undefined): JsonValue | undefined => {
    const value = pointer === undefined ? undefined : readPointer(item, pointer)
    return value === null ? undefined : value
  }
  const textAt = (pointer: string | undefined, most: number): string | null => {
    const value = at(pointer)
    return typeof value === 'string' && value !== '' ? value.slice(0, most) : null
  }
  const success = at(mapping.taskSuccess)
  if (success !== undefined && typeof success !== 'boolean')
    throw malformed(mapping.taskSuccess ?? '', `At ${mapping.taskSuccess} there must be true or false.`)
  return checked({
    requestId: textAt(mapping.requestId, 200) ?? '',
    source: textAt(mapping.source, 64) ?? name,
    score: scoreIn(at(mapping.score), mapping.score ?? '', mapping.scale),
    isThumbUp: null,
    isSuccess: success ?? null,
    label: labelIn(at(mapping.label), mapping.label ?? ''),
    comment: textAt(mapping.comment, MAX_COMMENT),
  })
}

function checked(feedback: Feedback): Feedback {
  const { requestId, score, isThumbUp, isSuccess, label } = feedback
  if (requestId === '')
    throw malformed(
      'request_id',
      '`request_id` is missing: the id of the request, from the header `x-weir-request-id`.',
    )
  if (score === null && isThumbUp === null && isSuccess === null && label === null)
    throw malformed('score', 'Nothing is said: send `score`, `thumb`, `task_success` or `label`.')
  return feedback
}

function textIn(body: JsonObject, name: string, most: number): string | null {
  const value = body[name]
  if (value === undefined) return null
  if (typeof value !== 'string' || value === '' || value.length > most)
    throw malformed(name, `\`${name}\` must be a text of 1 to ${most} characters.`)
  return value
}

function scoreIn(value: JsonValue | undefined, param: string, [worst, best]: readonly [number, number]): number | null {
  if (value === undefined) return null
  if (typeof value === 'boolean') return Number(value)
  const share = typeof value === 'number' ? (value - worst) / (best - worst) : Number.NaN
  if (!(share >= 0 && share <= 1))
    throw malformed(
      param,
      `The score must be a number from ${Math.min(worst, best)} to ${Math.max(worst, best)}, or true or false.`,
    )
  return share
}

function labelIn(value: JsonValue | undefined, param: string): Task | null {
  if (value === undefined) return null
  if (isTask(value)) return value
  const named = typeof value === 'string' ? value : ''
  throw malformed(param, withGuess(`The label must be a task: one of ${TASKS.join(', ')}.`, named, TASKS))
}

function withGuess(message: string, name: string, known: readonly string[]): string {
  const guess = didYouMean(name, known)
  return guess === null ? message : `${message} ${guess}`
}

function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}
