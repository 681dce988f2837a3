import { expect, test } from 'bun:test'
import { nextOf, StreamFailure } from './answer-stream.ts'
import type { Chunks } from './answer.ts'
import { createNativeStream } from './native-stream.ts'
import { openaiEventReader } from './openai/events.ts'

const role = chunk({ delta: { role: 'assistant' } })
const hello = chunk({ delta: { content: 'Hello' } })
const stop = chunk({ delta: {}, finish_reason: 'stop' })
const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } })}\n\n`
const done = 'data: [DONE]\n\n'

function chunk(choice: object): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`
}

function sourceOf(pieces: readonly (string | Error)[], pulled: { count: number }): Pick<Chunks, 'take'> {
  return {
    take(waiting) {
      const piece = pieces[pulled.count]
      if (piece === undefined) return waiting.answered(null)
      pulled.count++
      if (piece instanceof Error) waiting.failed(piece)
      else waiting.answered(new TextEncoder().encode(piece))
    },
  }
}

function streamOf(pieces: readonly (string | Error)[], hideUsage = true) {
  const pulled = { count: 0 }
  const stream = createNativeStream({
    source: sourceOf(pieces, pulled),
    readEvent: openaiEventReader(),
    countsByLength: true,
    hideUsage,
    endsWithFinish: true,
  })
  return { stream, pulled }
}

async function drain(stream: ReturnType<typeof streamOf>['stream']): Promise<{ text: string; last: boolean[] }> {
  let text = ''
  const last: boolean[] = []
  for (;;) {
    const piece = await nextOf(stream)
    if (piece === null) return { text, last }
    // What says nothing to the client is a piece without bytes.
    if (piece.bytes.length === 0 && !piece.last) continue
    text += new TextDecoder().decode(piece.bytes)
    last.push(piece.last)
  }
}

test('nothing is committed before the first token, and then everything held comes out first', async () => {
  const { stream, pulled } = streamOf([role, hello, stop, usage, done])
  await stream.open()
  expect(pulled.count).toBe(2)
  expect(await drain(stream)).toEqual({ text: role + hello + stop + done, last: [false, false, false, true] })
  expect(stream.facts).toMatchObject({ finishReason: 'stop', outputCharacters: 5, usage: { input: 3, output: 2 } })
})

test('the usage chunk reaches a caller who asked for it, byte for byte', async () => {
  const { stream } = streamOf([role + hello + stop + usage + done], false)
  await stream.open()
  expect(await drain(stream)).toEqual({ text: role + hello + stop + usage + done, last: [true] })
})

test('a hidden usage chunk is cut out of the middle of a piece', async () => {
  const { stream } = streamOf([role + hello + usage + stop + done])
  await stream.open()
  expect((await drain(stream)).text).toBe(role + hello + stop + done)
})

for (const [title, pieces, reason] of [
  ['an end before any token', [role], 'without its terminal event'],
  ['nothing but the terminator', [role, done], 'the stream is empty'],
  ['an error event after the role', [role, 'data: {"error":{"message":"boom"}}\n\n'], 'boom'],
  ['garbage', [role, 'data: {"choices":[{"del\n\n'], 'not JSON'],
] as const)
  test(`${title} fails before the client has seen anything`, async () => {
    const { stream } = streamOf(pieces)
    const failure = await stream.open().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StreamFailure)
    expect((failure as StreamFailure).outcome.type).toBe('broken')
    expect((failure as StreamFailure).message).toContain(reason)
  })

test('an end without terminator after tokens is a failure, not an end', async () => {
  const { stream } = streamOf([role, hello])
  await stream.open()
  expect(await drain(stream).catch((error: unknown) => (error as Error).message)).toContain(
    'without its terminal event',
  )
})

test('an end with a finish reason but without terminator is sound', async () => {
  const { stream } = streamOf([role, hello, stop])
  await stream.open()
  expect((await drain(stream)).last).toEqual([false, false, false, true])
})

const second = `data: ${JSON.stringify({ choices: [{ index: 1, delta: { content: 'Hi' } }] })}\n\n`
const secondStop = `data: ${JSON.stringify({ choices: [{ index: 1, delta: {}, finish_reason: 'length' }] })}\n\n`
for (const [title, pieces, isSound] of [
  ['beside one that has finished', [hello, second, stop], false],
  ['behind one that has finished', [hello, stop, second], false],
  ['of which many events came', [hello, second, stop, ...Array.from({ length: 50 }, () => second)], false],
  ['that has finished, too', [hello, second, stop, second, secondStop], true],
  ['that has finished in the same event', [hello, second, stop + secondStop], true],
  ['that has finished, followed by usage', [hello, second, secondStop, stop, usage], true],
  ['that is said to be over', [hello, second, stop, done], true],
  ['that has finished and is heard of again', [hello, second, secondStop, second, stop, second], true],
] as const)
  test(`an end without terminator and a second choice ${title} is ${isSound ? 'sound' : 'a failure'}`, async () => {
    const { stream } = streamOf(pieces)
    await stream.open()
    const end = await drain(stream).then(
      () => 'sound',
      (error: unknown) => (error as Error).message,
    )
    expect(end).toBe(isSound ? 'sound' : 'the stream ended without its terminal event')
  })

test('what the source throws comes through', async () => {
  const { stream } = streamOf([role, hello, new Error('reset')])
  await stream.open()
  expect(await drain(stream).catch((error: unknown) => (error as Error).message)).toBe('reset')
})

test('a host that talks without saying anything is let through at the bound', async () => {
  const { stream, pulled } = streamOf([...Array.from({ length: 100 }, () => role), hello, stop, done])
  await stream.open()
  expect(pulled.count).toBe(64)
})

test('an event in a hundred thousand chunks that are all here is read as one', async () => {
  const long = chunk({ delta: { content: 'x'.repeat(100_000) } })
  const { stream } = streamOf([...long.split(''), stop, done])
  await stream.open()
  expect(await nextOf(stream)).toEqual({ bytes: new TextEncoder().encode(long), last: false })
})
