// Each failure of the first target, whole and streamed, in both lanes, with one healthy fallback: what the callers see.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { chunks, completion, eventStream, startGateway, startUpstream } from '../gateway.ts'
import type { TestGateway } from '../gateway.ts'
import { BEGUN } from './failures.ts'
import type { Failure } from './failures.ts'

export type Case = {
  readonly failure: Failure
  readonly isStream: boolean
  readonly lane: 'native' | 'translated'
  readonly midstream: 'error' | 'continue'
}

export type Seen = {
  requests: number
  /** Complete and right. */
  complete: number
  /** Said a part, and then the error and the terminator of the dialect. */
  toldError: number
  /** Anything else. */
  readonly wrong: string[]
  /** Requests that met the failure, by their attempts. */
  met: number
}

const REST = ' And so the rest of it comes from somebody else, who was told where it had stopped.'
const FULL = BEGUN + REST
const QUESTION = 'What happens when it fails?'

/** Runs so many requests of a case, `together` at once; every batch meets a gateway that knows nothing yet. */
export async function runCase(one: Case, requests: number, together: number): Promise<Seen> {
  const seen: Seen = { requests: 0, complete: 0, toldError: 0, wrong: [], met: 0 }
  using healthy = startUpstream((_request, _number, body) => healthyAnswer(body))
  await using failing = await failingProvider(one)
  while (seen.requests < requests) {
    const count = Math.min(together, requests - seen.requests)
    await using weir = await startGateway(configOf(one, failing.url, healthy.url))
    await Promise.all(Array.from({ length: count }, () => ask(weir, one, seen)))
  }
  return seen
}

/** Says the rest where it is told what was said, else all of it. */
function healthyAnswer(body: string): Response {
  const { messages, stream } = JSON.parse(body) as { messages: { role: string; content: unknown }[]; stream?: boolean }
  const isContinued = messages.some(({ role }) => role === 'assistant')
  const text = isContinued ? REST : FULL
  return stream === true
    ? eventStream(chunks((text.match(/.{1,9}/gs) ?? []) as string[]).join(''))
    : Response.json(completion(text))
}

function configOf({ failure, midstream }: Case, failingUrl: string, healthyUrl: string): string {
  return `
providers:
  one:
    preset: openai-compatible
    base_url: ${failingUrl}/v1
    keys: [a-first-secret]
    models: { m: {} }
    # Short where a deadline is what ends it; the healthy one is not to be hurried by a busy machine.
    timeouts: { connect: 1s, first_token: 1s, idle: 1s }
  two: { preset: openai-compatible, base_url: "${healthyUrl}/v1", keys: [a-second-secret], models: { m: {} } }
routes:
  chat:
    targets: [one/m, two/m]
    midstream: ${midstream}
    ${failure.route ?? ''}
timeouts: { connect: 20s, first_token: 20s, idle: 20s, total: 60s }
log: { level: error, requests: false }
`
}

async function ask(weir: TestGateway, { isStream, lane }: Case, seen: Seen): Promise<void> {
  const isNative = lane === 'native'
  const response = await weir.call(isNative ? '/v1/chat/completions' : '/v1/messages', {
    model: 'chat',
    max_tokens: 300,
    messages: [{ role: 'user', content: QUESTION }],
    stream: isStream,
  })
  const body = await response.text()
  seen.requests++
  if (Number(response.headers.get('x-weir-attempts') ?? 0) > 1 || response.headers.get('x-weir-target') === 'one/m')
    seen.met++
  const verdict =
    response.status === 200 ? judge(body, isStream, isNative) : `status ${response.status}: ${body.slice(0, 300)}`
  if (verdict === 'complete') seen.complete++
  else if (verdict === 'told_error') seen.toldError++
  else if (seen.wrong.length < 5) seen.wrong.push(verdict)
}

/** `complete`, `told_error`, or what is wrong with it. */
function judge(body: string, isStream: boolean, isNative: boolean): string {
  if (!isStream) {
    const answer = JSON.parse(body) as { choices?: { message: { content: string } }[]; content?: { text: string }[] }
    const text = answer.choices?.[0]?.message.content ?? answer.content?.map((block) => block.text).join('')
    return text === FULL ? 'complete' : `another text: ${body.slice(0, 300)}`
  }
  let text = ''
  let last = ''
  let hasError = false
  for (const event of body.split('\n\n')) {
    const data = /^data: (.*)$/m.exec(event)?.[1]
    if (data === undefined) continue
    last = data
    if (data === '[DONE]') continue
    const read = JSON.parse(data) as {
      type?: string
      error?: unknown
      choices?: { delta: { content?: string } }[]
      delta?: { text?: string }
    }
    if (read.error !== undefined) hasError = true
    text += read.choices?.[0]?.delta.content ?? read.delta?.text ?? ''
  }
  const hasEnd = isNative ? last === '[DONE]' : /"type":"(?:message_stop|error)"/.test(last)
  if (!hasEnd) return `no end: …${body.slice(-200)}`
  if (hasError) return text === BEGUN ? 'told_error' : `an error after ${JSON.stringify(text)}`
  return text === FULL ? 'complete' : `another text: ${JSON.stringify(text)}`
}

async function failingProvider({ failure, isStream }: Case): Promise<AsyncDisposable & { readonly url: string }> {
  if (failure.address === 'unknown_host')
    return { url: 'http://nowhere.invalid', [Symbol.asyncDispose]: async () => {} }
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    // A bare probe of the connection sends nothing, and is told nothing.
    socket.once('data', () => failure.talk?.(socket, isStream))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  if (failure.address === 'refused') await close()
  return {
    url: `${failure.address === 'tls' ? 'https' : 'http'}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: failure.address === 'refused' ? async () => {} : close,
  }
}

/** Every case there is. `continue` differs from `error` only where something was said before. */
export function casesOf(failures: readonly Failure[]): Case[] {
  return failures.flatMap((failure) =>
    [false, true].flatMap((isStream) =>
      (['native', 'translated'] as const).flatMap((lane) =>
        (isStream && failure.saidBefore !== undefined ? (['error', 'continue'] as const) : (['error'] as const)).map(
          (midstream): Case => ({ failure, isStream, lane, midstream }),
        ),
      ),
    ),
  )
}

/** What is wrong with what was seen; empty: nothing. */
export function faultsOf({ failure, isStream, lane, midstream }: Case, seen: Seen): string[] {
  const name = `${failure.name}, ${isStream ? 'stream' : 'whole'}, ${lane}, ${midstream}`
  const mayTell = isStream && failure.saidBefore !== undefined && midstream === 'error'
  const faults = seen.wrong.map((what) => `${name}: ${what}`)
  if (!mayTell && seen.toldError > 0) faults.push(`${name}: ${seen.toldError} callers saw an error`)
  if (seen.complete + seen.toldError !== seen.requests)
    faults.push(`${name}: ${seen.complete} of ${seen.requests} complete`)
  if (seen.met === 0) faults.push(`${name}: nobody met the failure`)
  return faults
}
