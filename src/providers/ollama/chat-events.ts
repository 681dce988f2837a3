// Lines of an answer of Ollama's chat → events.
import { ChatEventBuilder } from '../../core/chat-builder.ts'
import { unfolded } from '../../core/chat-assembler.ts'
import type { JsonObject } from '../../core/json.ts'
import { objectOf, objectsOf, parseObject, stringOf } from '../../core/json-read.ts'
import { PLAIN_READING } from '../chat-codec.ts'
import type { Reading, StreamReader } from '../chat-codec.ts'
import { callIds, createdOf, finishOf, logprobsOf, ownFields, toolCallOf } from './chat-answer.ts'
import { usageOfOllama } from './usage.ts'

const FAMILY = 'ollama-chat'

export function ollamaStreamReader(reading: Reading = PLAIN_READING): StreamReader {
  const builder = new ChatEventBuilder(FAMILY)
  let idOf: ((call: JsonObject) => string) | null = null
  let calls = 0

  function read(data: string): void {
    const line = parseObject(data)
    if (line === null) return builder.fail('a line of the stream is not a JSON object', null)
    const error = stringOf(line, 'error')
    if (error !== null) return builder.fail(error, null)
    const message = objectOf(line, 'message')
    const isDone = line['done'] === true
    // Neither a piece nor the end: nothing that is known.
    if (message === null && !isDone) return undefined
    builder.start({ id: null, model: stringOf(line, 'model'), created: createdOf(line) })
    if (message !== null) readMessage(message, line)
    builder.logprobs(0, logprobsOf(line))
    if (isDone) readEnd(line)
    return undefined
  }

  function readMessage(message: JsonObject, line: JsonObject): void {
    builder.append(0, 'reasoning', stringOf(message, 'thinking') ?? '')
    builder.append(0, 'text', stringOf(message, 'content') ?? '')
    for (const call of objectsOf(message, 'tool_calls')) {
      idOf ??= callIds(line)
      const { start, deltas } = unfolded(toolCallOf(call, idOf(call), reading))
      const key = `call ${calls++}`
      builder.open(0, key, start)
      for (const delta of deltas) builder.delta(0, key, delta)
      builder.close(0, key)
    }
  }

  function readEnd(line: JsonObject): void {
    const used = usageOfOllama(line)
    if (used !== null) builder.usage(used.usage, used.raw)
    builder.facts(ownFields(line))
    builder.finish(0, finishOf(line))
    builder.end()
  }

  return builder.reader((_type, data) => read(data))
}
