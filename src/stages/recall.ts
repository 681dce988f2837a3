// recall: whether another request's answer will do.
//
// Three ways lead here, and a request that takes none of them passes by: the cache of its route and equal requests that run
// at the same time (cached.ts), and a request that its caller named (idempotent.ts). All of them begin a run
// (shared-run.ts) where there is no answer yet. A run that gives none is nobody's: whoever waited for it asks anew.
import type { CacheRuleConfig } from '../config/schema-cache.ts'
import type { Stages } from '../handle.ts'
import type { Snapshot } from '../snapshot.ts'
import { cacheStage, isOff } from './cached.ts'
import type { Engine } from './engine.ts'
import { idempotentStage } from './idempotent.ts'

const OFF: CacheRuleConfig = { mode: 'off', ttlMs: 0, scope: 'key', replay: 'at_once', coalesce: false, threshold: 1 }

export function recallStage(engine: Engine, snapshot: Snapshot): Stages['recall'] {
  const { config } = snapshot
  const ruleOf = rulesOf(config)
  const cached = cacheStage(engine, snapshot)
  const named = idempotentStage(engine, snapshot)
  return (exchange, request, call, caller, planned, stages) => {
    const name = request.headers.get('idempotency-key')
    if (name !== null) return named({ exchange, request, call, caller, planned, stages }, name)
    if (ruleOf === null && call.facts.options.cache === null) return null
    const rule = ruleOf?.(exchange.route) ?? OFF
    if (isOff(rule) && call.facts.options.cache === null) return null
    return cached({ exchange, request, call, caller, planned, stages }, rule)
  }
}

/** Null: no route keeps or shares anything. */
function rulesOf({ cache, routes }: Snapshot['config']): ((route: string) => CacheRuleConfig) | null {
  const rules = new Map<string, CacheRuleConfig>()
  for (const [name, route] of Object.entries(routes)) rules.set(name, { ...cache, ...route.cache })
  if (isOff(cache) && [...rules.values()].every(isOff)) return null
  return (route) => rules.get(route) ?? cache
}
