// What a wire must be able to do for the operations beside chat in the translated lane: a request out, an answer in. Pure.
import { ProblemError } from '../core/chat-answer.ts'
import type { BytesBody } from '../core/form.ts'
import { isObject } from '../core/json.ts'
import type { HeaderSource } from '../core/headers.ts'
import type { JsonObject } from '../core/json.ts'
import { numberOf } from '../core/json-read.ts'
import type { Deployment } from '../core/model.ts'
import type { AnswerOf, OperationName, RequestOf } from '../core/operations.ts'
import type { RerankAnswer } from '../core/rerank.ts'
import type { SpeechAnswer } from '../core/speech.ts'
import { NO_USAGE } from '../core/usage.ts'
import type { Usage } from '../core/usage.ts'

export type WrittenOperation = {
  /** Absolute. */
  readonly url: string
  readonly body: JsonObject | BytesBody
  readonly headers?: Readonly<Record<string, string>>
  /** What was left out or bent, a sentence each; the answer is still one to the same question. */
  readonly warnings: readonly string[]
  /** What cannot be left out without changing what was asked for, a sentence each. */
  readonly refusals: readonly string[]
}

/** A whole answer as it came. */
export type OperationBody = { readonly bytes: Uint8Array; readonly headers: HeaderSource }

/** What is asked next, where the answer is not there yet. */
export type NextCall = {
  readonly method: 'GET' | 'POST'
  /** Absolute. */
  readonly url: string
  readonly body: JsonObject | null
  /** How long is waited before. */
  readonly waitMs: number
}

export interface OperationWire<Name extends OperationName> {
  /** Whether a deployment has the endpoint; absent: all have. */
  serves?(deployment: Deployment): boolean
  writeRequest(request: RequestOf<Name>, deployment: Deployment): WrittenOperation
  /** Throws ProblemError when the body is no answer. */
  readAnswer(answer: OperationBody, request: RequestOf<Name>): AnswerOf<Name>
  /** Cuts a request into those that the model takes, one after another; absent: it takes any. */
  split?(request: RequestOf<Name>, deployment: Deployment): readonly RequestOf<Name>[]
  /** The answers to the parts of a request, in order, as one. */
  join?(answers: readonly AnswerOf<Name>[]): AnswerOf<Name>
  /**
   * What is asked after the answer to the question of that number, from 1, where the provider makes a job of a request;
   * null: this is the answer. Absent: the first answer is the answer. Throws ProblemError.
   */
  next?(answer: OperationBody, request: RequestOf<Name>, deployment: Deployment, asked: number): NextCall | null
  /** Its answers are what was asked for, byte by byte: they can be passed on as they come. */
  readonly streamsBytes?: true
}

export type OperationWires = { readonly [name in OperationName]?: OperationWire<name> }

/** An answer that must be a JSON object. Throws ProblemError when it is none, or tells an error. */
export function jsonAnswer({ bytes }: OperationBody): JsonObject {
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw new ProblemError(bytes.length === 0 ? 'the answer is empty' : 'the answer is not JSON')
  }
  if (!isObject(body)) throw new ProblemError('the answer is not an object')
  return body
}

/** Numbers of a list. Throws ProblemError when it holds anything else. */
export function vectorOf(value: unknown): readonly number[] {
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number')) return value
  throw new ProblemError('a vector of the answer holds no numbers')
}

/** Throws ProblemError unless there is a vector for each input. */
export function vectorsFor(
  inputs: readonly unknown[],
  vectors: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  if (vectors.length === inputs.length) return vectors
  throw new ProblemError(`the answer holds ${vectors.length} vectors for ${inputs.length} inputs`)
}

/** Ranks of a list of `{index, relevance_score}`. Throws ProblemError when it is empty, or names a document that is none. */
export function ranksFor(documents: readonly unknown[], results: readonly JsonObject[]): RerankAnswer['ranks'] {
  if (results.length === 0) throw new ProblemError('the answer holds no results')
  return results.map((result) => {
    const index = numberOf(result, 'index')
    const score = numberOf(result, 'relevance_score')
    if (index === null || score === null || !(index in documents))
      throw new ProblemError('a result of the answer has no score, or names no document')
    return { index, score }
  })
}

/** Sound as it came. Throws ProblemError when it is none. */
export function bytesAnswer({ bytes, headers }: OperationBody): SpeechAnswer {
  if (bytes.length === 0) throw new ProblemError('the answer is empty')
  const mediaType = headers.get('content-type') ?? 'application/octet-stream'
  return { sound: bytes, mediaType, usage: null, rawUsage: null }
}

/** What is billed by the picture. */
export function picturesUsage(images: number): Usage {
  return { ...NO_USAGE, images, requests: 1 }
}

/** A model's name as a part of a path, where it may hold slashes; null when it would lead elsewhere. */
export function pathOfModel(model: string): string | null {
  const parts = model.split('/')
  return parts.some((part) => /^\.{0,2}$/.test(part)) ? null : parts.map(encodeURIComponent).join('/')
}

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 3_000

/** How long is waited before a job is looked at again: longer each time. */
export function pollWaitMs(asked: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * asked)
}

/** Where a job is looked at, by its `id`. Throws ProblemError when it has none that could be one. */
export function jobUrl(jobs: string, body: JsonObject): string {
  const { id } = body
  if (typeof id === 'string' && /^[\w-]{1,200}$/.test(id)) return `${jobs}/${id}`
  throw new ProblemError('the job has no id')
}
