// What an interaction of Gemini's says, read straight from its own format: see oracle.ts.
import { failed, parsed } from './oracle.ts'
import type { Json, Oracle } from './oracle.ts'

const FINISH: { readonly [status: string]: string } = {
  completed: 'stop',
  requires_action: 'tool_calls',
  incomplete: 'length',
}

export const interactionsOracle: Oracle = {
  whole(body) {
    if (body.status === 'failed' || body.error !== undefined) return failed(body.error)
    const steps = body.steps as readonly Json[]
    const texts = (pieces: readonly Json[] | undefined): string =>
      (pieces ?? []).map((piece) => piece.text ?? '').join('')
    const toolCalls = steps
      .filter((step) => step.type === 'function_call')
      .map(({ id, name, arguments: given }) => ({ id, name, arguments: given }))
    const finish = FINISH[body.status] ?? 'other'
    const { usage } = body
    return {
      text: steps.map((step) => (step.type === 'model_output' ? texts(step.content) : '')).join(''),
      reasoning: steps.map((step) => (step.type === 'thought' ? texts(step.summary) : '')).join(''),
      toolCalls,
      finish: finish === 'stop' && toolCalls.length > 0 ? 'tool_calls' : finish,
      tokens:
        usage === undefined
          ? null
          : [
              usage.total_input_tokens + (usage.total_tool_use_tokens ?? 0),
              usage.total_output_tokens + (usage.total_thought_tokens ?? 0),
            ],
    }
  },
  stream(data) {
    const steps: Json[] = []
    const json: string[] = []
    let last: Json = {}
    for (const line of data) {
      const event = JSON.parse(line) as Json
      const step = steps[event.index]
      if (event.event_type === 'error') return failed(event.error)
      if (event.event_type === 'interaction.completed') last = event.interaction
      if (event.event_type === 'step.start') {
        steps[event.index] = { content: [], summary: [], ...event.step }
        json[event.index] = ''
      }
      if (event.event_type !== 'step.delta' || step === undefined) continue
      if (step.type === 'model_output') step.content.push(event.delta)
      if (step.type === 'thought') step.summary.push(event.delta.content ?? {})
      if (step.type === 'function_call') json[event.index] += event.delta.arguments ?? ''
    }
    const whole = steps.map((step, index) =>
      step.type === 'function_call' && json[index] !== '' ? { ...step, arguments: parsed(json[index] ?? '') } : step,
    )
    return interactionsOracle.whole({ ...last, steps: whole })
  },
}
