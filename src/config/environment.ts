// Environment variables of the gateway itself: one row each.
import { didYouMean } from '../core/nearest.ts'
import type { Environment } from './interpolate.ts'
import type { Path } from './problem.ts'

export type Variable = {
  readonly name: string
  /** The field of the file that it overrides; null for what is no field. */
  readonly path: Path | null
  /** `list`: separated by commas. */
  readonly type: 'text' | 'list'
  readonly description: string
}

export const VARIABLES: readonly Variable[] = [
  {
    name: 'WEIR_CONFIG',
    path: null,
    type: 'text',
    description: 'Config file. Default: `./weir.yaml`, which may be absent.',
  },
  { name: 'WEIR_DATA', path: null, type: 'text', description: 'Data folder. Default: `./weir-data`.' },
  {
    name: 'WEIR_SECRET',
    path: null,
    type: 'text',
    description:
      'The secret that key hashes are made with, at least 32 characters. Default: the file `weir.key` in the data folder.',
  },
  {
    name: 'WEIR_ADMIN_TOKEN',
    path: null,
    type: 'text',
    description: 'The admin token. Default: one is made at the first start and printed once.',
  },
  { name: 'WEIR_LISTEN', path: ['server', 'listen'], type: 'text', description: '' },
  { name: 'WEIR_ADMIN_LISTEN', path: ['server', 'admin_listen'], type: 'text', description: '' },
  { name: 'WEIR_BODY_LIMIT', path: ['server', 'body_limit'], type: 'text', description: '' },
  { name: 'WEIR_BODY_TIMEOUT', path: ['server', 'body_timeout'], type: 'text', description: '' },
  { name: 'WEIR_DRAIN_TIMEOUT', path: ['server', 'drain_timeout'], type: 'text', description: '' },
  { name: 'WEIR_MAX_IN_FLIGHT', path: ['server', 'max_in_flight'], type: 'text', description: '' },
  { name: 'WEIR_MAX_BYTES_HELD', path: ['server', 'max_bytes_held'], type: 'text', description: '' },
  { name: 'WEIR_TRUSTED_PROXIES', path: ['server', 'trusted_proxies'], type: 'list', description: '' },
  { name: 'WEIR_UNPRICED', path: ['unpriced'], type: 'text', description: '' },
  { name: 'WEIR_ON_STORE_FAILURE', path: ['limits', 'on_store_failure'], type: 'text', description: '' },
  { name: 'WEIR_LOG_LEVEL', path: ['log', 'level'], type: 'text', description: '' },
  { name: 'WEIR_LOG_FORMAT', path: ['log', 'format'], type: 'text', description: '' },
  { name: 'WEIR_LOG_REQUESTS', path: ['log', 'requests'], type: 'text', description: '' },
  { name: 'WEIR_REQUEST_LOG_RETENTION', path: ['request_log', 'retention'], type: 'text', description: '' },
  { name: 'WEIR_STORE_SYNC', path: ['store', 'sync'], type: 'text', description: '' },
  { name: 'WEIR_METRICS', path: ['metrics', 'enabled'], type: 'text', description: '' },
]

export type Override = {
  readonly variable: Variable & { readonly path: Path }
  readonly value: string | readonly string[]
}

/** The overrides that are set, and a warning for each variable that looks like a mistyped one. An empty variable counts as not set. */
export function readOverrides(environment: Environment): { overrides: Override[]; warnings: string[] } {
  const overrides: Override[] = []
  for (const variable of VARIABLES) {
    const value = environment[variable.name]?.trim() ?? ''
    if (variable.path === null || value === '') continue
    const read =
      variable.type === 'list'
        ? value
            .split(',')
            .map((item) => item.trim())
            .filter((item) => item !== '')
        : value
    overrides.push({ variable: { ...variable, path: variable.path }, value: read })
  }
  const known = VARIABLES.map((variable) => variable.name)
  const warnings: string[] = []
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('WEIR_') || name.startsWith('WEIR_TEST_') || known.includes(name)) continue
    const hint = didYouMean(name, known)
    if (hint !== null) warnings.push(`environment: ${name} is not a variable of Weir. ${hint}`)
  }
  return { overrides, warnings }
}

/** Lays one override over the file's value, in place of either spelling of its field. Returns the changed copy. */
export function applyOverride(value: unknown, path: Path, override: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return override
  // A list or a text where a mapping belongs stays, so that it is reported.
  if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) return value
  const copy: Record<string, unknown> = { ...value }
  if (rest.length === 0) for (const suffix of ['_ms', '_bytes']) delete copy[`${name}${suffix}`]
  copy[name] = applyOverride(copy[name], rest, override)
  return copy
}
