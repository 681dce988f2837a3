// How a request would be routed now, without sending it.
import type { Call } from './core/call.ts'
import { GatewayError } from './core/error.ts'
import { scanJson } from './core/json.ts'
import type { JsonObject } from './core/json.ts'
import { UNRESTRICTED_KEY } from './core/key.ts'
import { DIALECTS } from './http/endpoints.ts'
import { optionsOf } from './http/option-headers.ts'
import { explanationOf } from './routing/explain.ts'
import type { Explanation } from './routing/explain.ts'
import type { Snapshot } from './snapshot.ts'
import type { Engine } from './stages/engine.ts'
import { createRouter } from './stages/router.ts'
import type { KeyWithTeam } from './store/store.ts'

export type ExplainInput = {
  /** The body as a client would send it. */
  readonly request: JsonObject
  /** Id of a dialect, or anything else. */
  readonly dialect: string
  /** Who would send it; null: somebody who may do everything. */
  readonly caller: KeyWithTeam | null
  readonly headers: Headers
}

/** Throws `request_malformed`, `model_unknown` or `model_not_allowed`, as the request itself would. */
export function explain(engine: Engine, snapshot: Snapshot, input: ExplainInput): Explanation {
  const { request, headers } = input
  const dialect = [...DIALECTS.values()].find(({ id }) => id === input.dialect)
  if (dialect === undefined)
    throw new GatewayError('request_malformed', {
      message: `\`dialect\` is one of ${[...DIALECTS.keys()].join(', ')}.`,
      param: 'dialect',
    })
  const caller = input.caller ?? { key: UNRESTRICTED_KEY, team: null }
  const facts = dialect.readFacts(request)
  const options = optionsOf(headers, facts.options)
  const text = JSON.stringify(request)
  const { jsonDepth: depth, jsonKeys: keys } = snapshot.config.server
  const call: Call = {
    dialect: dialect.id,
    operation: dialect.operation,
    facts: { ...facts, options },
    text,
    members: scanJson(text, { depth, keys }).members,
    body: request,
    headers: {},
    chat: null,
  }
  const { key, team } = caller
  const tags = [...new Set([...(team?.tags ?? []), ...key.tags, ...options.tags])]
  const { route, plan, thread, task } = createRouter(engine, snapshot).explain({
    call,
    dialect,
    caller,
    headers,
    endUser: facts.endUser,
    tags,
  })
  const conversation = thread === null ? 'none' : thread.inToolLoop ? 'tool_loop' : thread.isKnown ? 'known' : 'new'
  return explanationOf(plan, { strategy: route.strategy, task, conversation })
}
