// What a key may do, as pure checks. Lists that are null allow everything; empty lists allow nothing.
import ipaddr from 'ipaddr.js'
import type { GatewayOptions, RoutingOptions } from '../core/call.ts'
import { globTest } from '../core/glob.ts'
import { OPTION_NAMES } from '../core/key.ts'
import type { OptionName } from '../core/key.ts'
import type { Operation } from '../core/model.ts'
import type { KeyWithTeam } from '../store/store.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Block = readonly [Address, number]
type Test = (name: string) => boolean

// A lookup by list identity: lists are never edited in place, and an entry dies with its list. Same input, same output.
const modelTests = new WeakMap<readonly string[], Test>()
const addressBlocks = new WeakMap<readonly string[], readonly Block[]>()

// A table and not a list, so that a new operation does not compile until it is named here.
const FAMILIES = {
  chat: true,
  completions: true,
  // Whoever may chat may ask how long the chat is.
  count_tokens: false,
  embeddings: true,
  moderations: true,
  images: true,
  audio: true,
  rerank: true,
  responses: true,
  realtime: true,
  files: true,
  batches: true,
  pass: true,
} as const satisfies Record<Operation, boolean>

/** The endpoint families that a key may be restricted to. */
export const ENDPOINT_FAMILIES = Object.entries(FAMILIES).flatMap(([name, isFamily]) =>
  isFamily ? [name as Operation] : [],
) as readonly Operation[]

/**
 * Whether a model may be used that is known under all of `names` (the route, `provider/model`, the bare id): the key's
 * globs must match one of the names, and so must the team's. `*` matches any run of characters, `?` exactly one.
 */
export function modelAllowed(
  globs: readonly string[] | null,
  teamGlobs: readonly string[] | null,
  names: readonly string[],
): boolean {
  return (globs === null || names.some(testOf(globs))) && (teamGlobs === null || names.some(testOf(teamGlobs)))
}

/** Globs of whoever owns a key: of its team, or of its user's group; a key has one of the two, or neither. */
export function ownerModels({ team, owner }: Pick<KeyWithTeam, 'team' | 'owner'>): readonly string[] | null {
  return team?.models ?? owner?.models ?? null
}

// A table and not a list, so that a new option does not compile until it is told how it is seen.
const USES: Readonly<Record<OptionName, (options: GatewayOptions, routing: RoutingOptions | null) => boolean>> = {
  fallbacks: (_, routing) => (routing?.fallbacks ?? null) !== null,
  provider: (_, routing) => (routing?.providers ?? null) !== null,
  timeout: ({ timeoutMs }) => timeoutMs !== null,
  tags: ({ tags }) => tags.length > 0,
  trace: ({ isTraced }) => isTraced,
  max_cost: ({ maxCostNanoUsd }) => maxCostNanoUsd !== null,
  hedge: (_, routing) => (routing?.hedgeAfterMs ?? null) !== null,
  task: (_, routing) => (routing?.task ?? null) !== null,
  session: (_, routing) => (routing?.session ?? null) !== null,
  region: (_, routing) => (routing?.region ?? null) !== null,
  quality: (_, routing) => (routing?.qualityFloor ?? null) !== null,
  cache: ({ cache }) => cache !== null,
}

/** The first option of a request that its key forbids; null: it has none. */
export function forbiddenOption(
  forbids: readonly string[],
  options: GatewayOptions,
  routing: RoutingOptions | null,
): OptionName | null {
  return OPTION_NAMES.find((name) => forbids.includes(name) && USES[name](options, routing)) ?? null
}

/** Whether an endpoint family may be called. */
export function endpointAllowed(endpoints: readonly string[] | null, operation: string): boolean {
  return endpoints === null || endpoints.includes(operation)
}

/**
 * Whether a caller's address lies in one of the blocks. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`, what a
 * dual-stack socket reports) is its IPv4 address, in blocks as well. An unknown address (null) is in no block.
 */
export function addressAllowed(blocks: readonly string[] | null, address: string | null): boolean {
  if (blocks === null) return true
  const caller = address === null ? null : parseAddress(address)
  if (caller === null) return false
  return blocksOf(blocks).some(([base, bits]) => caller.kind() === base.kind() && caller.match(base, bits))
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; null when it is neither. */
export function parseBlock(text: string): Block | null {
  if (!text.includes('/')) {
    const address = parseAddress(text)
    return address === null ? null : [address, address.kind() === 'ipv4' ? 32 : 128]
  }
  if (!ipaddr.isValidCIDR(text)) return null
  const [base, bits] = ipaddr.parseCIDR(text)
  if (base instanceof ipaddr.IPv4 && parseAddress(text.slice(0, text.indexOf('/'))) === null) return null
  if (base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= 96) return [base.toIPv4Address(), bits - 96]
  return [base, bits]
}

function parseAddress(text: string): Address | null {
  // Four decimal parts only: `10.1` and `012.0.0.1` mean 10.0.0.1 to the C library, and something else to their author.
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return null
  return ipaddr.isValid(text) ? ipaddr.process(text) : null
}

function blocksOf(texts: readonly string[]): readonly Block[] {
  let blocks = addressBlocks.get(texts)
  if (blocks === undefined) {
    // Blocks are checked when a key is made (`checkKeyFields`); one that is unreadable all the same allows nobody.
    blocks = texts.map(parseBlock).filter((block) => block !== null)
    addressBlocks.set(texts, blocks)
  }
  return blocks
}

function testOf(globs: readonly string[]): Test {
  let test = modelTests.get(globs)
  if (test === undefined) {
    test = globTest(globs)
    modelTests.set(globs, test)
  }
  return test
}
