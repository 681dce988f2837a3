// A rehearsed outage: what is broken, for which requests, for how long, and what came of it.

export type Fault =
  /** It answers with this status. */
  | { readonly type: 'status'; readonly status: number }
  /** It answers, so much later. */
  | { readonly type: 'slow'; readonly delayMs: number }
  /** Nobody answers at its address. */
  | { readonly type: 'down' }
  /** It takes the request and says nothing. */
  | { readonly type: 'stall' }
  /** Its answer breaks off in the middle. */
  | { readonly type: 'cut' }

/** A provider that fails for a share of its calls. */
export type Break = { readonly provider: string; readonly fault: Fault; readonly share: number }

/** Whose requests meet the faults. Only `synthetic` and `shadow` ones can do no harm: nobody waits for them. */
export type DrillScope =
  | { readonly type: 'synthetic' }
  /** Copies of real requests, whose answers are thrown away. */
  | { readonly type: 'shadow'; readonly share: number }
  | { readonly type: 'canary'; readonly share: number }
  | { readonly type: 'all' }

export type DrillSpec = {
  /** Names of routes; empty: all of the configuration. */
  readonly routes: readonly string[]
  /** Empty: each provider of each route is lost, one after the other. */
  readonly breaks: readonly Break[]
  readonly on: DrillScope
  readonly forMs: number
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 }

/** `openai=429:30%,slow:5s` → what breaks; null: it is not written like that. */
export function parseBreaks(text: string): readonly Break[] | null {
  const equals = text.indexOf('=')
  const provider = text.slice(0, equals).trim()
  if (equals < 1 || provider === '') return null
  const breaks: Break[] = []
  for (const part of text.slice(equals + 1).split(',')) {
    const [, written = '', percent] = /^\s*(.+?)(?::([\d.]+)%)?\s*$/.exec(part) ?? []
    const fault = parseFault(written)
    const share = percent === undefined ? 1 : Number(percent) / 100
    if (fault === null || !(share > 0 && share <= 1)) return null
    breaks.push({ provider, fault, share })
  }
  return breaks
}

function parseFault(text: string): Fault | null {
  if (text === 'down' || text === 'stall' || text === 'cut') return { type: text }
  if (/^[45]\d\d$/.test(text)) return { type: 'status', status: Number(text) }
  const [, amount, unit = ''] = /^slow:(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? []
  return amount === undefined ? null : { type: 'slow', delayMs: Number(amount) * (UNITS[unit] ?? 1) }
}

/** `synthetic`, `all`, `canary:1%`, `shadow:5%` → the scope; null: it is not written like that. */
export function parseScope(text: string): DrillScope | null {
  if (text === 'synthetic' || text === 'all') return { type: text }
  const [, type, percent] = /^(canary|shadow)(?::([\d.]+)%)?$/.exec(text) ?? []
  const share = percent === undefined ? 0.01 : Number(percent) / 100
  if (!(share > 0 && share <= 1)) return null
  return type === 'canary' || type === 'shadow' ? { type, share } : null
}

export function breakText({ provider, fault, share }: Break): string {
  const written =
    fault.type === 'status' ? String(fault.status) : fault.type === 'slow' ? `slow:${fault.delayMs}ms` : fault.type
  return `${provider}=${written}${share === 1 ? '' : `:${Number((share * 100).toFixed(3))}%`}`
}

export function scopeText(scope: DrillScope): string {
  return 'share' in scope ? `${scope.type}:${Number((scope.share * 100).toFixed(3))}%` : scope.type
}

/** One outage of one route. */
export type DrillRound = {
  readonly route: string
  /** As `breakText` writes it. */
  readonly broken: readonly string[]
  readonly requests: number
  /** What callers would have seen, or did see. */
  readonly errors: number
  readonly errorCodes: Readonly<Record<string, number>>
  /** Median beyond that without the faults; null: there was nothing to compare with. */
  readonly addedMs: number | null
  readonly p99Ms: number
  /** Mean cost of a request beyond that without the faults, nano-dollars; null as above. */
  readonly extraNanoUsd: string | null
  /** Who answered how often. */
  readonly targets: Readonly<Record<string, number>>
  /** Null: the route fails without any fault, or nothing was asked. */
  readonly survived: boolean | null
}

export type DrillReport = {
  readonly id: string
  readonly startedAt: number
  /** Null while it runs. */
  readonly endedAt: number | null
  readonly state: 'running' | 'done' | 'stopped' | 'failed'
  /** Of a scheduled one. */
  readonly name: string | null
  readonly on: string
  readonly rounds: readonly DrillRound[]
}
