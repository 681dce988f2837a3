// Refuses addresses that no provider has: an attacker who may name a base URL must not reach this machine's metadata.
//
// A name is resolved and every address it has is checked, at most every 30 s. What is called afterwards:
// - private addresses not allowed: the first resolved address is pinned into the call (with the name kept for TLS and the
//   `host` header), so that a name that changes its address between check and call gains nothing;
// - private addresses allowed, or behind a proxy: the name is resolved a second time by whoever connects. A name that is
//   public now and link-local a moment later would get through there; both are what the operator's own file set up.
import ipaddr from 'ipaddr.js'

import type { Clock } from '../core/clock.ts'

export type Approval =
  /** `address`: connect to this one and no other; null where the name may be resolved by the connection. */
  | { readonly type: 'approved'; readonly address: string | null }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'unresolved'; readonly reason: string }

export type AddressRequest = {
  /** Of the provider, or of its proxy: a name, an IPv4 address or a bracketed IPv6 address, as `URL.hostname` gives it. */
  readonly hostname: string
  readonly allowPrivate: boolean
  /** The connection resolves the name elsewhere (a proxy does), so an address cannot be pinned. */
  readonly isProxied: boolean
}

export interface AddressGuard {
  /** Answers at once for what was approved lately. */
  approve(request: AddressRequest): Approval | Promise<Approval>
}

/** All addresses of a name; rejects when there are none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

const CACHE_MS = 30_000
const CACHE_ENTRIES = 10_000

// Cloud metadata services that lie outside the link-local ranges, or are reached by name.
const METADATA_ADDRESSES: ReadonlySet<string> = new Set([
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd20:ce::254',
])
const METADATA_NAMES = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
]

// ipaddr.js' names of ranges.
const NEVER: Readonly<Record<string, string>> = {
  linkLocal: 'link-local',
  unspecified: 'unspecified',
  broadcast: 'broadcast',
  multicast: 'multicast',
}

/** @param resolve name look-up, e.g. over `node:dns`; it is asked at most once in 30 s for a name */
export function createGuard({ resolve, clock }: { resolve: Resolve; clock: Clock }): AddressGuard {
  const approvals = new Map<string, { readonly approval: Approval; readonly until: number }>()
  const pending = new Map<string, Promise<Approval>>()

  const lookUp = async (key: string, hostname: string, request: AddressRequest): Promise<Approval> => {
    let addresses: readonly string[]
    try {
      addresses = await resolve(hostname)
    } catch {
      return { type: 'unresolved', reason: 'its name could not be resolved' }
    }
    const approval = judge(addresses, request)
    // Failures are looked up anew: a name that was just created works at once.
    if (approval.type === 'approved') remember(key, approval)
    return approval
  }

  const remember = (key: string, approval: Approval): void => {
    approvals.delete(key)
    approvals.set(key, { approval, until: clock.monotonicMs() + CACHE_MS })
    if (approvals.size <= CACHE_ENTRIES) return
    const oldest = approvals.keys().next()
    if (oldest.done !== true) approvals.delete(oldest.value)
  }

  return {
    approve(request) {
      const key = `${request.hostname} ${request.allowPrivate ? 1 : 0}${request.isProxied ? 1 : 0}`
      const known = approvals.get(key)
      if (known !== undefined && clock.monotonicMs() < known.until) return known.approval
      const hostname = plainHost(request.hostname)
      if (METADATA_NAMES.includes(hostname)) return { type: 'refused', reason: 'it is a metadata service' }
      if (ipaddr.isValid(hostname)) {
        const approval = judge([hostname], request)
        if (approval.type === 'approved') remember(key, approval)
        return approval
      }
      // The proxy resolves the name, in a network that may know other names than this one.
      if (request.isProxied && request.allowPrivate) return { type: 'approved', address: null }
      let lookingUp = pending.get(key)
      if (lookingUp === undefined) {
        lookingUp = lookUp(key, hostname, request).finally(() => pending.delete(key))
        pending.set(key, lookingUp)
      }
      return lookingUp
    },
  }
}

function plainHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase()
}

function judge(addresses: readonly string[], request: AddressRequest): Approval {
  for (const address of addresses) {
    const reason = problemOf(address, request.allowPrivate)
    if (reason !== null) return { type: 'refused', reason }
  }
  const first = addresses[0]
  if (first === undefined) return { type: 'unresolved', reason: 'its name has no address' }
  return { type: 'approved', address: request.allowPrivate || request.isProxied ? null : first }
}

/** Why an address may not be called, or null. */
function problemOf(text: string, allowPrivate: boolean): string | null {
  // A zone (`fe80::1%eth0`) says which link, not which address.
  const plain = text.split('%')[0] ?? text
  if (!ipaddr.isValid(plain)) return 'its address is none'
  const address = reached(ipaddr.process(plain))
  if (METADATA_ADDRESSES.has(address.toString())) return 'it is a metadata service'
  const range = address.range()
  const never = NEVER[range]
  if (never !== undefined) return `its address is ${never}`
  // Of ipaddr.js' ranges only `unicast` is the public internet.
  if (!allowPrivate && range !== 'unicast') return `its address is ${range}, and private addresses are not allowed`
  return null
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** The IPv4 address that a translator or tunnel makes of an IPv6 address (NAT64, SIIT, 6to4), else the address itself. */
function reached(address: Address): Address {
  if (address.kind() === 'ipv4') return address
  const bytes = address.toByteArray()
  switch (address.range()) {
    case '6to4':
      return ipaddr.fromByteArray(bytes.slice(2, 6))
    case 'rfc6052':
    case 'rfc6145':
      return ipaddr.fromByteArray(bytes.slice(12, 16))
    default:
      return address
  }
}
