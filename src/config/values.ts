// How an operator writes values: durations, sizes, addresses, prices. Pure text → value; null means: not such a value.
import ipaddr from 'ipaddr.js'
import { parseUsd } from '../core/money.ts'

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `1500ms`, `30s`, `2m`, `1h30m`, `7d` → whole ms. A unit is needed: `30` alone would be read as anything. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim().toLowerCase()
  if (trimmed.length > 40 || !/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/.test(trimmed)) return null
  let total = 0
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g))
    total += Number(amount) * DURATION_MS[unit!]!
  const whole = Math.round(total)
  return Math.abs(whole - total) < 1e-6 && Number.isSafeInteger(whole) ? whole : null
}

const SIZE_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/** `32MiB`, `10MB`, `4096` → bytes. */
export function parseSize(text: string): number | null {
  const match = /^(\d[\d_]{0,20}(?:\.\d{1,10})?)\s*([kmg]i?b|b)?$/i.exec(text.trim())
  if (match === null) return null
  const bytes = Number(match[1]!.replaceAll('_', '')) * SIZE_BYTES[(match[2] ?? 'b').toLowerCase()]!
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** `600`, `1_000_000` (also as text, as `${NAME}` gives it) → an integer. */
export function parseInteger(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null
  if (typeof value !== 'string' || !/^-?\d+(?:_\d+)*$/.test(value.trim())) return null
  const number = Number(value.trim().replaceAll('_', ''))
  return Number.isSafeInteger(number) ? number : null
}

/** `0.15` → `"0.15"`, `1e-7` → `"0.0000001"`: plain decimal text, exact. Negative and finer than 1e-12 is refused. */
export function parsePrice(value: unknown): string | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const text = String(value).trim()
  if (text.length > 40) return null
  const units = parseUsd(text, 24)
  if (units === null || units < 0n || units % 10n ** 12n !== 0n) return null
  const fraction = (units % 10n ** 24n).toString().padStart(24, '0').replace(/0+$/, '')
  return `${units / 10n ** 24n}${fraction === '' ? '' : `.${fraction}`}`
}

/** Where to listen. An empty host means all addresses. */
export type ListenAddress = { readonly host: string; readonly port: number }

/** `0.0.0.0:8787`, `[::1]:8787`, `localhost:8787`, `:8787` or `8787`. */
export function parseListen(text: string): ListenAddress | null {
  const match = /^(?:(\[[0-9a-f:.]+\]|[a-z0-9.-]*):)?(\d{1,5})$/i.exec(text.trim())
  if (match === null) return null
  const port = Number(match[2])
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '')
  if (port > 65_535) return null
  if (match[1]?.startsWith('[') === true && !ipaddr.IPv6.isValid(host)) return null
  // Four numbers that are no address would otherwise be looked up as a host name.
  if (/^[\d.]+$/.test(host) && !ipaddr.IPv4.isValidFourPartDecimal(host)) return null
  return { host, port }
}

/** Whether only this machine reaches the address. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback'
}

/** `10.0.0.0/8`, `fd00::/8`, `10.1.2.3` → a CIDR block in canonical text. */
export function parseCidr(text: string): string | null {
  const trimmed = text.trim()
  if (ipaddr.isValidCIDR(trimmed)) {
    const [address, bits] = ipaddr.parseCIDR(trimmed)
    return `${address.toString()}/${bits}`
  }
  if (!ipaddr.IPv4.isValidFourPartDecimal(trimmed) && !ipaddr.IPv6.isValid(trimmed)) return null
  const address = ipaddr.parse(trimmed)
  return `${address.toString()}/${address.kind() === 'ipv4' ? 32 : 128}`
}

/** An http(s) URL without a trailing slash; `{region}`-like placeholders may stand in it, and the simulator has its own scheme. */
export function parseBaseUrl(text: string): string | null {
  const trimmed = text.trim()
  if (/^simulator:[\w/.-]*$/.test(trimmed)) return trimmed
  const url = parseUrl(trimmed.replaceAll(/\{\w+\}/g, 'x'))
  if (url === null || url.hash !== '' || url.search !== '') return null
  return trimmed.replace(/\/+$/, '')
}

/** URL of an HTTP proxy, or `none`. */
export function parseProxy(text: string): string | null {
  const trimmed = text.trim()
  return trimmed === 'none' || parseUrl(trimmed) !== null ? trimmed : null
}

function parseUrl(text: string): URL | null {
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  return (url.protocol === 'https:' || url.protocol === 'http:') && url.hostname !== '' ? url : null
}
