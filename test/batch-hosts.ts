// Fake providers with an API for batches, over loopback: OpenAI's with files, and Anthropic's. What becomes of a batch is the
// test's to say; requests that come alone are answered as well, so that it shows who executed a line.
import type { JsonObject } from '../src/core/json.ts'
import { completion, startUpstream } from './gateway.ts'
import type { Upstream } from './gateway.ts'

type Line = { readonly customId: string; readonly body: JsonObject }

export type HostBatch = {
  readonly id: string
  readonly lines: readonly Line[]
  readonly asked: JsonObject
  isOver: boolean
  isCancelled: boolean
}

export type BatchHost = Upstream & {
  readonly batches: HostBatch[]
  /** Requests that came alone. */
  readonly alone: JsonObject[]
  /** How many of the next calls that make a batch are executed and then not answered. */
  lostAnswers: number
  /** What an answer to a call that makes a batch waits for; null: nothing. */
  held: Promise<void> | null
  /** The status that calls which make a batch are refused with; null: none. */
  refuses: number | null
  /** What a line of results says; null: it is not among them. */
  resultOf: (line: Line) => JsonObject | null
  /** The whole file of results, a text for each line; null: what `resultOf` says. */
  resultsOf: ((lines: readonly Line[]) => readonly string[]) | null
}

/** In no order in particular, as the documentation of both says. */
function resultFile({ resultOf, resultsOf }: BatchHost, { lines }: HostBatch): string {
  const texts = resultsOf?.(lines) ?? lines.flatMap((line) => JSON.stringify(resultOf(line) ?? undefined) ?? [])
  return texts
    .toReversed()
    .map((text) => `${text}\n`)
    .join('')
}

type Answer = (host: BatchHost, request: Request, path: string, body: string) => Response | Promise<Response>

function hostOf(answer: Answer): BatchHost {
  let host: BatchHost | null = null
  const upstream = startUpstream((request, _number, body) =>
    answer(host as BatchHost, request, new URL(request.url).pathname.replace(/^\/v1/, ''), body),
  )
  host = Object.assign(upstream, {
    batches: [],
    alone: [],
    lostAnswers: 0,
    held: null,
    refuses: null,
    resultOf: () => null,
    resultsOf: null,
  })
  return host
}

/** A made batch, or no answer that anybody could tell it by. */
async function made(host: BatchHost, batch: HostBatch, shown: (batch: HostBatch) => JsonObject): Promise<Response> {
  host.batches.push(batch)
  await host.held
  return host.lostAnswers-- > 0 ? new Response('gone', { status: 502 }) : Response.json(shown(batch))
}

/** `asJobs`: as Mistral has them. */
export function startOpenaiHost(asJobs = false): BatchHost {
  const files = new Map<string, string>()
  const host = hostOf((own, request, path, body) => {
    const shown = (batch: HostBatch): JsonObject => ({
      id: batch.id,
      object: 'batch',
      metadata: batch.asked['metadata'] ?? null,
      ...(asJobs
        ? {
            status: batch.isCancelled ? 'CANCELLED' : batch.isOver ? 'SUCCESS' : 'RUNNING',
            output_file: batch.isOver ? `out-${batch.id}` : null,
          }
        : {
            status: batch.isCancelled ? 'cancelled' : batch.isOver ? 'completed' : 'in_progress',
            output_file_id: batch.isOver ? `out-${batch.id}` : null,
            error_file_id: null,
          }),
    })
    const list = asJobs ? '/batch/jobs' : '/batches'
    if (path === '/files') {
      if (own.refuses !== null) return new Response('{"error":{"message":"no"}}', { status: own.refuses })
      const content = /application\/jsonl\r\n\r\n([\s\S]*?)\r\n--/.exec(body)?.[1] ?? ''
      files.set(`file-${files.size}`, content)
      return Response.json({ id: `file-${files.size - 1}`, object: 'file' })
    }
    if (path === list && request.method === 'GET')
      return Response.json({ object: 'list', data: own.batches.map(shown) })
    if (path === list) {
      const asked = JSON.parse(body) as JsonObject & {
        readonly input_file_id?: string
        readonly input_files?: string[]
      }
      const lines = (files.get(asked.input_file_id ?? asked.input_files?.[0] ?? '') ?? '').trim().split('\n')
      const batch: HostBatch = {
        id: `pb-${own.batches.length}`,
        asked,
        isOver: false,
        isCancelled: false,
        lines: lines.map((text) => {
          const line = JSON.parse(text) as { readonly custom_id: string; readonly body: JsonObject }
          return { customId: line.custom_id, body: line.body }
        }),
      }
      return made(own, batch, shown)
    }
    const named = /^\/(?:batches|batch\/jobs)\/([^/]+)(\/cancel)?$/.exec(path)
    const batch = own.batches.find(({ id }) => id === named?.[1])
    if (batch !== undefined) {
      if (named?.[2] !== undefined) batch.isCancelled = batch.isOver = true
      return Response.json(shown(batch))
    }
    const output = /^\/files\/out-(.+)\/content$/.exec(path)?.[1]
    const ended = own.batches.find(({ id }) => id === output)
    if (ended !== undefined) return new Response(resultFile(own, ended))
    if (!path.endsWith('/completions')) return new Response('{"error":{"message":"unknown"}}', { status: 404 })
    own.alone.push(JSON.parse(body) as JsonObject)
    return Response.json(completion('alone'))
  })
  host.resultOf = ({ customId, body }) => ({
    custom_id: customId,
    response: {
      status_code: 200,
      request_id: 'r',
      body: { ...completion(`of ${textOf(body)}`), model: body['model'] },
    },
    error: null,
  })
  return host
}

export function startAnthropicHost(): BatchHost {
  const host = hostOf((own, request, path, body) => {
    const shown = (batch: HostBatch): JsonObject => ({
      id: batch.id,
      type: 'message_batch',
      processing_status: batch.isOver ? 'ended' : 'in_progress',
      created_at: new Date().toISOString(),
      request_counts: { processing: batch.lines.length, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    })
    if (path === '/messages/batches' && request.method === 'GET') return Response.json({ data: own.batches.map(shown) })
    if (path === '/messages/batches') {
      if (own.refuses !== null) return new Response('{}', { status: own.refuses })
      const asked = JSON.parse(body) as { requests: readonly { custom_id: string; params: JsonObject }[] }
      const lines = asked.requests.map(({ custom_id: customId, params }) => ({ customId, body: params }))
      const batch = { id: `msgbatch_${own.batches.length}`, lines, asked: {}, isOver: false, isCancelled: false }
      return made(own, batch, shown)
    }
    const named = /^\/messages\/batches\/([^/]+)(\/cancel|\/results)?$/.exec(path)
    const batch = own.batches.find(({ id }) => id === named?.[1])
    if (batch === undefined) {
      own.alone.push(JSON.parse(body) as JsonObject)
      return Response.json(message('alone'))
    }
    if (named?.[2] === '/results') return new Response(resultFile(own, batch))
    if (named?.[2] === '/cancel') batch.isCancelled = batch.isOver = true
    return Response.json(shown(batch))
  })
  host.resultOf = ({ customId, body }) => ({
    custom_id: customId,
    result: { type: 'succeeded', message: message(`of ${textOf(body)}`) },
  })
  return host
}

function message(text: string): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-haiku-4-5',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5, service_tier: 'batch' },
  }
}

/** The last thing that was said in a request. */
function textOf(body: JsonObject): string {
  const messages = body['messages'] as readonly { readonly content: unknown }[]
  const content = messages.at(-1)?.content
  return typeof content === 'string' ? content : String((content as readonly { text: string }[])[0]?.text)
}
