// Requests of the lab's own: copies for another model, questions to a judge. They go down the path of every request, with an
// intent and an entry of their own on the key `key_lab`, and count against no caller.
import { textOf } from '../core/reply.ts'
import type { ChatRequest } from '../core/chat.ts'
import type { ChatAnswer } from '../core/chat-answer.ts'
import { ProblemError } from '../core/chat-answer.ts'
import type { NanoUsd } from '../core/money.ts'
import { parseObject } from '../core/json-read.ts'
import { ownCaller } from '../drills/own-request.ts'
import type { Exchange } from '../exchange.ts'
import { handle } from '../handle.ts'
import type { Stages } from '../handle.ts'
import { entranceOf, matchEndpoint } from '../http/endpoints.ts'
import { openaiChatCodec } from '../providers/openai/chat-codec.ts'
import type { Snapshot } from '../snapshot.ts'
import { identified } from '../stages/authenticate.ts'
import type { Engine } from '../stages/engine.ts'
import { createStages } from '../stages/stages.ts'
import { createTrials } from '../stages/trials.ts'

export type LabAnswer = {
  /** Who answered; null: nobody. */
  readonly target: string | null
  /** Null: none came, or none that could be read. */
  readonly answer: ChatAnswer | null
  readonly isTimeout: boolean
  readonly durationMs: number
  readonly costNanoUsd: NanoUsd
  /** Id of the request that it was. */
  readonly requestId: string
}

export type LabCalls = {
  /** Never rejects: what went wrong is a finding. */
  readonly ask: (request: ChatRequest, model: string, signal: AbortSignal) => Promise<LabAnswer>
}

const PATH = '/v1/chat/completions'
const CALLER = ownCaller('key_lab', 'lab')

export function createLabCalls(engine: Engine, snapshot: () => Snapshot): LabCalls {
  // The lab's own requests are on no trial, and nothing is learned from them a second time.
  const own: Engine = { ...engine, trials: createTrials(), sampler: { ...engine.sampler, wants: () => false } }
  let made: { readonly of: Snapshot; readonly stages: Stages } | null = null

  function stagesNow(): Stages {
    const of = snapshot()
    if (made?.of !== of) made = { of, stages: createStages(own, of) }
    return made.stages
  }

  return {
    async ask(chat, model, signal) {
      const stages = stagesNow()
      const startedMs = engine.clock.monotonicMs()
      let exchange: Exchange | null = null
      const entrance = entranceOf(matchEndpoint('POST', PATH), PATH, PATH)
      if (entrance === null) throw new Error(`${PATH} is no endpoint`)
      const reply = await handle(requestFor(chat, model, signal), entrance, () => null, {
        ...stages,
        open(request, at) {
          exchange = stages.open(request, at)
          exchange.purpose = 'lab'
          return exchange
        },
        authenticate: (opened) => identified(opened, CALLER),
        recall: () => null,
      })
      const text = await textOf(reply).catch(() => '')
      const closed = exchange as Exchange | null
      return {
        target: closed?.target?.id ?? null,
        answer: reply.status === 200 ? answerIn(text) : null,
        isTimeout: closed?.attempts.at(-1)?.outcome.type === 'timed_out',
        durationMs: engine.clock.monotonicMs() - startedMs,
        costNanoUsd: closed?.costNanoUsd ?? 0n,
        requestId: closed?.id ?? '',
      }
    },
  }
}

/** The question alone: nothing that names its caller, or that only the first provider would understand. */
function requestFor(chat: ChatRequest, model: string, signal: AbortSignal): Request {
  const { messages, tools, toolChoice, parallelTools, responseFormat, maxOutputTokens, reasoning, verbosity } = chat
  const { n: _, ...sampling } = chat.sampling
  const question: ChatRequest = {
    messages,
    tools,
    sampling,
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(parallelTools === undefined ? {} : { parallelTools }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(verbosity === undefined ? {} : { verbosity }),
  }
  const { body } = openaiChatCodec.writeRequest(question, { model, stream: false, quirks: {}, maxOutputTokens: null })
  return new Request(`http://gateway${PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  })
}

function answerIn(text: string): ChatAnswer | null {
  try {
    return openaiChatCodec.readAnswer(parseObject(text))
  } catch (error) {
    if (error instanceof ProblemError) return null
    throw error
  }
}
