// What an answer of Gemini's says, read straight from its own format: see oracle.ts.
import { failed } from './oracle.ts'
import type { Json, Oracle, Said } from './oracle.ts'

const FINISH: { readonly [word: string]: string } = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
  MODEL_ARMOR: 'content_filter',
  IMAGE_SAFETY: 'content_filter',
  IMAGE_PROHIBITED_CONTENT: 'content_filter',
  IMAGE_RECITATION: 'content_filter',
  MALFORMED_FUNCTION_CALL: 'error',
  MALFORMED_RESPONSE: 'error',
  UNEXPECTED_TOOL_CALL: 'error',
  TOO_MANY_TOOL_CALLS: 'error',
  MISSING_THOUGHT_SIGNATURE: 'error',
}

/** The parts of all chunks, as those of one answer. */
function said(chunks: readonly Json[]): Said {
  const broken = chunks.find((chunk) => chunk.error !== undefined)
  if (broken !== undefined) return failed(broken.error.message)
  const last = chunks.findLast((chunk) => chunk.usageMetadata?.promptTokenCount !== undefined)?.usageMetadata
  const finish = chunks.flatMap((chunk) => chunk.candidates ?? []).findLast((one) => one.finishReason !== undefined)
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []) as readonly Json[]
  const id = chunks.find((chunk) => chunk.responseId !== undefined)?.responseId
  const calls = callsOf(parts).map((call, index) => ({ ...call, id: call.id ?? `call_g_${id}_${index}` }))
  const isBlocked = chunks.some((chunk) => chunk.promptFeedback?.blockReason !== undefined)
  const word = isBlocked ? 'content_filter' : (FINISH[finish?.finishReason] ?? 'other')
  return {
    text: parts.map((part) => (part.thought === true ? '' : (part.text ?? ''))).join(''),
    reasoning: parts.map((part) => (part.thought === true ? part.text : '')).join(''),
    toolCalls: calls,
    finish: word === 'stop' && calls.length > 0 ? 'tool_calls' : word,
    tokens:
      last === undefined
        ? null
        : [
            last.promptTokenCount + (last.toolUsePromptTokenCount ?? 0),
            (last.candidatesTokenCount ?? 0) + (last.thoughtsTokenCount ?? 0),
          ],
  }
}

/** Calls that came whole, or in pieces of which each names its place. */
function callsOf(parts: readonly Json[]): { id?: string; name: string; arguments: unknown }[] {
  const calls: { id?: string; name: string; arguments: unknown }[] = []
  for (const { functionCall: call } of parts) {
    if (call === undefined) continue
    if (call.name !== undefined)
      calls.push({ ...(call.id && { id: call.id }), name: call.name, arguments: call.args ?? {} })
    for (const piece of call.partialArgs ?? []) {
      const names = (piece.jsonPath as string).match(/[^.[\]$]+/g) ?? []
      let at = calls.at(-1)!.arguments as { [name: string]: unknown }
      for (const [index, name] of names.entries()) {
        if (index < names.length - 1) at = (at[name] ??= /^\d+$/.test(names[index + 1]!) ? [] : {}) as typeof at
        else
          at[name] =
            piece.stringValue === undefined
              ? piece.numberValue
              : ((at[name] as string | undefined) ?? '') + piece.stringValue
      }
    }
  }
  return calls
}

export const geminiOracle: Oracle = {
  whole: (body) => said([body]),
  stream: (data) => said(data.map((line) => JSON.parse(line) as Json)),
}
