// The gateway's options in headers. They win over those of the body.
import type { HeaderSource } from '../core/headers.ts'
import type { GatewayOptions, RoutingOptions } from '../core/call.ts'
import { GatewayError } from '../core/error.ts'
import { NO_ROUTING, readCacheOption, readUsd, readWord } from '../dialects/read-options.ts'

const MAX_TAGS = 16

/** Options that every request may have. Throws `request_malformed`. */
export function optionsOf(headers: HeaderSource, inBody: GatewayOptions): GatewayOptions {
  const tags = headers.get('x-weir-tags')
  const timeout = headers.get('x-weir-timeout-ms')
  const cost = headers.get('x-weir-max-cost-usd')
  const trace = headers.get('x-weir-trace')
  const cache = headers.get('x-weir-cache')
  const isPlain = tags === null && timeout === null && cost === null && trace === null && cache === null
  if (isPlain && inBody.tags.length === 0) return inBody
  if (timeout !== null && !/^[1-9]\d{0,8}$/.test(timeout))
    throw malformed('x-weir-timeout-ms', '`x-weir-timeout-ms` must be a whole number of at least 1.')
  if (trace !== null && trace !== 'full') throw malformed('x-weir-trace', '`x-weir-trace` must be `full`.')
  return {
    ...inBody,
    tags: checkedTags(tags === null ? inBody.tags : tags.split(',').map((tag) => tag.trim())),
    timeoutMs: timeout === null ? inBody.timeoutMs : Number(timeout),
    maxCostNanoUsd: cost === null ? inBody.maxCostNanoUsd : readUsd(cost, 'x-weir-max-cost-usd', 9),
    isTraced: inBody.isTraced || trace !== null,
    cache: cache === null ? inBody.cache : readCacheOption(cache, 'x-weir-cache'),
  }
}

function checkedTags(named: readonly string[]): readonly string[] {
  for (const tag of named)
    if (!/^[\w.:/@-]{1,64}$/.test(tag))
      throw malformed(
        'x-weir-tags',
        'A tag is 1 to 64 letters, digits or any of `_ . : / @ -`; tags are separated by commas.',
      )
  if (named.length > MAX_TAGS) throw malformed('x-weir-tags', `A request takes at most ${MAX_TAGS} tags.`)
  return [...new Set(named)]
}

/** Options that count only where there is something to choose. Throws `request_malformed`. */
export function routingOptionsOf(
  headers: { get(name: string): string | null },
  inBody: RoutingOptions | null,
): RoutingOptions | null {
  const region = headers.get('x-weir-region')
  const session = headers.get('x-weir-session')
  const task = headers.get('x-weir-task')
  const floor = headers.get('x-weir-quality-floor')
  if (region === null && session === null && task === null && floor === null) return inBody
  if (floor !== null && !/^(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)$/.test(floor))
    throw malformed('x-weir-quality-floor', '`x-weir-quality-floor` must be a number from 0 to 1, such as 0.85.')
  const options = inBody ?? NO_ROUTING
  return {
    ...options,
    region: region === null ? options.region : readWord(region, 'x-weir-region'),
    session: session === null ? options.session : readWord(session, 'x-weir-session'),
    task: task === null ? options.task : readWord(task, 'x-weir-task'),
    qualityFloor: floor === null ? options.qualityFloor : Number(floor),
  }
}

function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { message, param })
}
