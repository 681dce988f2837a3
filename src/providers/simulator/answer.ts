// What a simulated model says: text, thoughts or a tool call, and how long. The same body and seed give the same answer.
import type { SimulatedModel } from './model.ts'
import { prose, thoughts, topicsOf } from './prose.ts'
import { identifier, lognormal, pick, type Random, randomOf } from './random.ts'
import type { AnswerFormat, ChatRequest, ReasoningEffort, Tool } from './read-chat.ts'
import { valueOfSchema } from './schema-value.ts'
import { type Script, withoutDirective } from './script.ts'
import { countTokens, cutToTokens } from './tokens.ts'
import { invalid } from './wire-error.ts'

export type ToolCall = { readonly id: string; readonly name: string; readonly arguments: string }

export type Choice = {
  /** Empty where the model does not think aloud. */
  readonly reasoning: string
  /** Null where it calls tools instead. */
  readonly content: string | null
  readonly toolCalls: readonly ToolCall[]
  readonly finish: 'stop' | 'length' | 'tool_calls'
}

/** Reasoning is part of the completion, as OpenAI counts it. */
export type TokenCount = { readonly prompt: number; readonly completion: number; readonly reasoning: number }

/** One choice to be made up. */
type Draft = {
  readonly request: ChatRequest
  readonly random: Random
  /** The last user message without its directive. */
  readonly question: string
  /** Tokens of text, and of thoughts before it. */
  readonly tokens: number
  readonly reasoningTokens: number
  /** Whether these lengths were asked for to the token. */
  readonly exact: boolean
}

// Thoughts in relation to the answer's own length.
const EFFORT: Readonly<Record<ReasoningEffort, number>> = {
  none: 0,
  minimal: 0.1,
  low: 0.4,
  medium: 1,
  high: 2,
  xhigh: 4,
}

/** All choices of an answer, each with draws of its own from `seeds`. Throws a 400 for a response format that cannot be met. */
export function chatChoices(
  request: ChatRequest,
  model: SimulatedModel,
  script: Script,
  seeds: readonly (string | number)[],
): Choice[] {
  // A prompt that fills the context was refused before; one token of answer always fits.
  const room = Math.max(1, model.context - request.promptTokens)
  const limit = Math.min(request.maxTokens ?? room, room)
  const question = withoutDirective(request.question)
  return Array.from({ length: request.n }, (_, index) => {
    const random = randomOf(...seeds, index)
    const natural = Math.max(1, Math.round(lognormal(random, model.outputTokens)))
    const effort = model.kind === 'reasoner' ? EFFORT[request.reasoningEffort] : 0
    // A scripted length covers both: half of it is thoughts where the model thinks.
    const scripted = script.tokens === null ? null : effort === 0 ? 0 : Math.floor(script.tokens / 2)
    // One token above the limit lets the cut see that there would have been more.
    const reasoningTokens = Math.min(scripted ?? Math.round(natural * effort), limit + 1)
    const tokens = Math.min(script.tokens === null ? natural : script.tokens - (scripted ?? 0), limit + 1)
    const draft = { request, random, question, tokens, reasoningTokens, exact: script.tokens !== null }
    const reasoning = reasoningTokens === 0 ? '' : thoughts(random, question, reasoningTokens, draft.exact)
    return bounded({ reasoning, ...said(draft, script.output) }, request.stop, limit)
  })
}

function said(draft: Draft, output: string | null): Pick<Choice, 'content' | 'toolCalls'> {
  if (output !== null) return { content: output, toolCalls: [] }
  const tool = chooseTool(draft)
  if (tool !== null) return { content: null, toolCalls: [callOf(tool, draft)] }
  return { content: textOf(draft, draft.request.format), toolCalls: [] }
}

function textOf({ random, question, tokens, exact }: Draft, format: AnswerFormat): string {
  switch (format.type) {
    case 'text':
      return prose(random, question, tokens, exact)
    case 'json_object':
      return JSON.stringify({
        answer: prose(random, question, Math.min(tokens, 60), false),
        topics: topicsOf(question),
      })
    case 'json_schema': {
      const { value, unmet } = valueOfSchema(format.schema, random, topicsOf(question))
      if (unmet === null) return JSON.stringify(value)
      throw invalid(
        'response_format',
        'invalid_json_schema',
        `Invalid schema for response_format '${format.name}': the simulator cannot make a value for '${unmet}'.`,
      )
    }
  }
}

// The tool whose name the question speaks of most, else any.
function chooseTool({ request, question, random }: Draft): Tool | null {
  const words = new Set(
    question
      .slice(0, 4000)
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu),
  )
  const hits = (tool: Tool) =>
    tool.name
      .toLowerCase()
      .split(/[_-]+/)
      .filter((word) => words.has(word)).length
  const best = Math.max(0, ...request.tools.map(hits))
  return (
    pick(
      random,
      request.tools.filter((tool) => hits(tool) === best),
    ) ?? null
  )
}

function callOf(tool: Tool, { random, question }: Draft): ToolCall {
  // Arguments need only be plausible: a keyword that is not followed stays unmet, as with real models.
  const { value } = valueOfSchema(tool.parameters ?? {}, random, topicsOf(question))
  return { id: `call_${identifier(random, 24)}`, name: tool.name, arguments: JSON.stringify(value) }
}

/** Cuts a choice at the first stop text and at `limit` tokens; thoughts come first and count too. */
function bounded(choice: Omit<Choice, 'finish'>, stop: readonly string[], limit: number): Choice {
  const reasoning = cutToTokens(choice.reasoning, limit)
  let left = limit - countTokens(reasoning)
  const stopped = choice.content === null ? null : beforeStop(choice.content, stop)
  const content = stopped === null ? null : cutToTokens(stopped, left)
  left -= countTokens(content ?? '')
  const toolCalls: ToolCall[] = []
  let cut = reasoning !== choice.reasoning || content !== stopped
  for (const call of choice.toolCalls) {
    left -= countTokens(call.name)
    const kept = cutToTokens(call.arguments, Math.max(0, left))
    if (kept !== call.arguments) cut = true
    // A name that does not fit is not said at all.
    if (left >= 0) toolCalls.push({ ...call, arguments: kept })
    left -= countTokens(kept)
  }
  return { reasoning, content, toolCalls, finish: cut ? 'length' : toolCalls.length > 0 ? 'tool_calls' : 'stop' }
}

/** The text before the first of the stop texts in it. */
export function beforeStop(text: string, stop: readonly string[]): string {
  const ends = stop.map((end) => text.indexOf(end)).filter((index) => index !== -1)
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends))
}

/** What the choices of an answer consumed together. */
export function countChoices(prompt: number, choices: readonly Choice[]): TokenCount {
  let completion = 0
  let reasoning = 0
  for (const choice of choices) {
    reasoning += countTokens(choice.reasoning)
    completion += countTokens(choice.reasoning) + countTokens(choice.content ?? '')
    for (const call of choice.toolCalls) completion += countTokens(call.name) + countTokens(call.arguments)
  }
  return { prompt, completion, reasoning }
}
