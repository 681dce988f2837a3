// What an answer of Ollama's chat says, read straight from its own format: see oracle.ts.
import type { Json, Oracle } from './oracle.ts'

export const ollamaOracle: Oracle = {
  whole: (body) => ollamaOracle.stream([JSON.stringify(body)]),
  stream(data) {
    const lines = data.map((line) => JSON.parse(line) as Json)
    const last = lines.findLast((line) => line.done === true) ?? {}
    const calls = lines.flatMap((line) => line.message?.tool_calls ?? []) as readonly Json[]
    // The format has ids of calls only since 2025; those that the gateway makes are of the time of the answer.
    const stamp = String(lines.find((line) => line.message?.tool_calls !== undefined)?.created_at).replaceAll(/\D/g, '')
    const toolCalls = calls.map((call, index) => ({
      id: call.id ?? `call_${stamp}_${index}`,
      name: call.function.name,
      arguments: call.function.arguments,
    }))
    return {
      text: lines.map((line) => line.message?.content ?? '').join(''),
      reasoning: lines.map((line) => line.message?.thinking ?? '').join(''),
      toolCalls,
      finish: toolCalls.length > 0 ? 'tool_calls' : (last.done_reason ?? 'stop'),
      tokens: last.eval_count === undefined ? null : [last.prompt_eval_count ?? 0, last.eval_count],
    }
  },
}
