// What is plainly wrong with an answer, seen without knowing what is right: it is empty, cut, not in the form that was asked for, a refusal,
// a loop, in another language, or full of the model's own marks.
//
// Nothing found says nothing: every model can hold a format. Texts are looked at in bounded parts, so that an answer of a megabyte
// costs what a page does; only JSON is read as a whole.
import type { ChatAnswer, ChatChoice } from '../core/chat-answer.ts'
import { type ChatRequest, type Part, textOf, type ToolCallPart } from '../core/chat.ts'
import { isObject, type JsonObject } from '../core/json.ts'
import { isOtherLanguage } from './language.ts'
import { isRefusal } from './refusal.ts'
import { isLoop } from './repetition.ts'
import type { SchemaChecks } from './schema-checks.ts'
import { EVIDENCE, type EvidenceKind } from './score.ts'

/** The kinds of evidence that an answer gives against itself. */
export type FaultKind = Exclude<EvidenceKind, 'asked_again' | 'thumb' | 'score' | 'task_success' | 'judge' | 'human'>

export type Fault = {
  readonly kind: FaultKind
  /** A few words, without a word of the answer. */
  readonly detail: string
  /** How much it counts; null: as its kind does. */
  readonly weight: number | null
}

/** A caller that takes no more than that many tokens expects to cut. */
const SHORT_BOUND_TOKENS = 256
/** Marks of the templates that models are trained with; in an answer they are the model's own, and meant for nobody. */
const TEMPLATE_MARK =
  /<\|(?:im_start|im_end|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|assistant|user|system|end|channel|message)\|>|\[\/?INST\]|<<\/?SYS>>|<\/?(?:start|end)_of_turn>|<｜(?:User|Assistant|end▁of▁sentence)｜>/
/** Of each end of a text. */
const SAMPLE_CHARACTERS = 16_384
/** Of JSON. */
const MAX_DEPTH = 1_000
const QUOTE = 0x22
const BACKSLASH = 0x5c
/** The closing ones come two after them. */
const BRACKET = 0x5b
const BRACE = 0x7b
/** Said outright, a refusal is one; by its words it only looks like one. */
const STATED_REFUSAL_WEIGHT = 0.5
const WORDED_REFUSAL_WEIGHT = 0.3

/** Everything that is wrong with the first choice of an answer, the heaviest first. Of an answer that broke off, ask nobody. */
export async function faultsOf(
  request: ChatRequest,
  answer: ChatAnswer,
  checks: SchemaChecks,
): Promise<readonly Fault[]> {
  const [choice] = answer.choices
  // Paused: the rest is still to come. An error: the provider broke, which is no matter of quality.
  if (choice === undefined || choice.finish.unified === 'pause' || choice.finish.unified === 'error') return []
  const faults = [...(await formFaults(request, choice, checks)), ...textFaults(request, choice)]
  return faults.toSorted((one, other) => weightOf(other) - weightOf(one))
}

/**
 * What makes an answer useless to a program that reads it: it is empty, or not in the form that was asked for. The rest of `faultsOf` is
 * a matter of reading.
 */
export async function formFaults(
  request: ChatRequest,
  { parts, finish }: ChatChoice,
  checks: SchemaChecks,
): Promise<readonly Fault[]> {
  const calls = parts.filter((part) => part.type === 'tool_call')
  const faults: Fault[] = []
  const text = textOf(parts)
  const isRefused = parts.some(({ type }) => type === 'refusal') || finish.unified === 'content_filter'
  if (isEmpty(parts, text) && !isRefused)
    faults.push({ kind: 'empty_answer', detail: 'there is nothing in it', weight: null })
  if (finish.unified === 'length' && isCut(request))
    faults.push({ kind: 'cut_answer', detail: 'it ends at the bound of its length', weight: null })
  const badCall = await callProblem(request, calls, checks)
  if (badCall !== null && !isRefused) faults.push({ kind: 'bad_tool_call', detail: badCall, weight: null })
  if (calls.length === 0 && !isRefused && text.trim() !== '') {
    const problem = await formatProblem(request, text, checks)
    if (problem !== null) faults.push({ kind: 'invalid_format', detail: problem, weight: null })
  }
  return faults
}

function weightOf({ kind, weight }: Fault): number {
  return weight ?? EVIDENCE[kind].weight
}

/** Thoughts alone are no answer. */
function isEmpty(parts: readonly Part[], text: string): boolean {
  return text.trim() === '' && parts.every(({ type }) => type === 'text' || type === 'reasoning')
}

function isCut({ maxOutputTokens }: ChatRequest): boolean {
  return maxOutputTokens === undefined || maxOutputTokens > SHORT_BOUND_TOKENS
}

async function formatProblem(
  { responseFormat }: ChatRequest,
  text: string,
  checks: SchemaChecks,
): Promise<string | null> {
  if (responseFormat === undefined || responseFormat.type === 'text') return null
  const value = parsed(text)
  if (value === undefined) return 'it is not JSON'
  if (responseFormat.type === 'json') return isObject(value) ? null : 'it is JSON, and no object'
  return await checks.problem(responseFormat.schema, value)
}

async function callProblem(
  { tools, toolChoice }: ChatRequest,
  calls: readonly ToolCallPart[],
  checks: SchemaChecks,
): Promise<string | null> {
  if (calls.length === 0)
    return toolChoice?.type === 'required' || toolChoice?.type === 'named' ? 'it calls no tool, and was to' : null
  if (toolChoice?.type === 'none') return 'it calls a tool, and was not to'
  for (const call of calls) {
    if (toolChoice?.type === 'named' && call.name !== toolChoice.name) return 'it calls another tool than it was to'
    const tool = tools.find((one) => one.type !== 'hosted' && one.name === call.name)
    if (tool === undefined) return 'it calls a tool that there is none of'
    if (call.kind === 'custom' || tool.type !== 'function') continue
    const problem = await argumentProblem(tool.schema, call.arguments, checks)
    if (problem !== null) return problem
  }
  return null
}

async function argumentProblem(schema: JsonObject | null, text: string, checks: SchemaChecks): Promise<string | null> {
  const value = text.trim() === '' ? {} : parsed(text)
  if (value === undefined) return 'the arguments of a call are not JSON'
  if (!isObject(value)) return 'the arguments of a call are no object'
  const problem = schema === null ? null : await checks.problem(schema, value)
  return problem === null ? null : `the arguments of a call do not fit: ${problem}`
}

/** Undefined: it is no JSON, or nested as nobody reads it; a parser spends 100 ms on a megabyte of brackets. */
function parsed(text: string): unknown {
  if (isDeep(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isDeep(text: string): boolean {
  let depth = 0
  let isString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (isString) {
      if (code === BACKSLASH) index++
      else if (code === QUOTE) isString = false
    } else if (code === QUOTE) isString = true
    else if (code === BRACKET || code === BRACE) {
      if (++depth > MAX_DEPTH) return true
    } else if (code === BRACKET + 2 || code === BRACE + 2) depth--
  }
  return false
}

function textFaults(request: ChatRequest, { parts, finish }: ChatChoice): readonly Fault[] {
  const faults: Fault[] = []
  const text = textOf(parts)
  if (parts.some(({ type }) => type === 'refusal') || finish.unified === 'content_filter')
    return [{ kind: 'refusal', detail: 'it is refused', weight: STATED_REFUSAL_WEIGHT }]
  if (text.trim() === '') return []
  const asked = lastWords(request)
  if (isRefusal(text))
    faults.push({ kind: 'refusal', detail: 'it reads like a refusal', weight: WORDED_REFUSAL_WEIGHT })
  if (isLoop(text, finish.unified === 'length') && !isLoop(asked, true))
    faults.push({ kind: 'repetition', detail: 'it says the same over and over', weight: null })
  if (TEMPLATE_MARK.test(endsOf(text)) && !speaksOfMarks(request))
    faults.push({ kind: 'leaked_template', detail: 'marks of the model’s template stand in it', weight: null })
  if (!hasForm(request) && isOtherLanguage(asked, text, systemOf(request)))
    faults.push({ kind: 'wrong_language', detail: 'it is in another language than the question', weight: null })
  return faults
}

/** Formed answers have words of the form in them, which are mostly English. */
function hasForm({ responseFormat }: ChatRequest): boolean {
  return responseFormat !== undefined && responseFormat.type !== 'text'
}

function speaksOfMarks({ messages }: ChatRequest): boolean {
  return messages.some(({ parts }) =>
    parts.some((part) => part.type === 'text' && TEMPLATE_MARK.test(endsOf(part.text))),
  )
}

function endsOf(text: string): string {
  return text.length <= 2 * SAMPLE_CHARACTERS
    ? text
    : `${text.slice(0, SAMPLE_CHARACTERS)}\n${text.slice(-SAMPLE_CHARACTERS)}`
}

function lastWords({ messages }: ChatRequest): string {
  return textOf(messages.findLast(({ role }) => role === 'user')?.parts ?? [])
}

function systemOf({ messages }: ChatRequest): string {
  return messages
    .filter(({ role }) => role === 'system' || role === 'developer')
    .map(({ parts }) => textOf(parts))
    .join('\n')
}
