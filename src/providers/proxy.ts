// Which proxy the environment names for a URL, by the convention that curl and most HTTP clients follow.
import ipaddr from 'ipaddr.js'

type Environment = Readonly<Record<string, string | undefined>>

/** Proxy for a base URL, or null. Loopback is always direct: no proxy leads back to this machine. */
export function environmentProxy(baseUrl: string, environment: Environment): string | null {
  const url = new URL(baseUrl)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (isLoopback(host)) return null
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  if (isExempt(host, port, read(environment, 'NO_PROXY') ?? '')) return null
  // Upper-case HTTP_PROXY can be set by a `Proxy:` header under CGI (CVE-2016-5385); a gateway is no CGI program.
  const value =
    read(environment, url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? read(environment, 'ALL_PROXY')
  if (value === null) return null
  return /^[a-z0-9+.-]+:\/\//i.test(value) ? value : `http://${value}`
}

function read(environment: Environment, name: string): string | null {
  const value = (environment[name.toLowerCase()] ?? environment[name])?.trim()
  return value === undefined || value === '' ? null : value
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
  )
}

/** Entries: `*`, `example.com` and `.example.com` (the domain and all below), `10.0.0.0/8`, each with or without `:port`. */
function isExempt(host: string, port: string, list: string): boolean {
  for (const entry of list.split(/[\s,]+/)) {
    if (entry === '') continue
    if (entry === '*') return true
    if (entry.includes('/') && isInBlock(host, entry)) return true
    const [, name = entry, entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? []
    if (entryPort !== undefined && entryPort !== port) continue
    const domain = name.toLowerCase().replace(/^\*?\./, '')
    if (host === domain || host.endsWith(`.${domain}`)) return true
  }
  return false
}

function isInBlock(host: string, block: string): boolean {
  if (!ipaddr.isValid(host) || !ipaddr.isValidCIDR(block)) return false
  const address = ipaddr.process(host)
  const [network, bits] = ipaddr.parseCIDR(block)
  return address.kind() === network.kind() && address.match(network, bits)
}
