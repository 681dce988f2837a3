// What the operator wrote about providers → `Provider` values: preset defaults, overrides, filled placeholders, credentials.
import { nearestNames } from '../core/nearest.ts'
import type { Credential, Provider, Quirks, Timeouts } from '../core/model.ts'
import { NEVER_UPSTREAM } from './headers.ts'
import { isServiceAccount } from './authenticate.ts'
import { awsSecretOfEnvironment } from './aws-signature.ts'
import { readServiceAccount, ServiceAccountError } from './google-token.ts'
import { customProblem, customProvider, type CustomInput } from './custom-provider.ts'
import type { Preset } from './preset.ts'
import { PRESETS } from './presets.ts'
import { environmentProxy } from './proxy.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** One provider of the config; secrets are resolved (no `${…}`, no `file:`). */
export type ProviderInput = {
  /** Default: the provider's own name. */
  readonly preset?: string | undefined
  readonly baseUrl?: string | undefined
  /** Absent: the preset's environment variables. Empty: the host wants none. */
  readonly keys?: readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Absent: what `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say. `none`: no proxy. */
  readonly proxy?: string | undefined
  /** PEM of the only authority whose certificates are believed. */
  readonly ca?: string | undefined
  /** Default true: what the operator's file names may be private. */
  readonly allowPrivate?: boolean | undefined
  /** Absent: not known. */
  readonly collectsData?: boolean | undefined
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** The format of an API of the operator's own, for the preset `custom`. */
  readonly custom?: CustomInput | undefined
  /** How the host differs from OpenAI, over what the preset says. */
  readonly quirks?: Quirks | undefined
  readonly timeouts?: { readonly [stage in keyof Timeouts]?: number | undefined } | undefined
  readonly limits?: { readonly rpm?: number | null | undefined; readonly tpm?: number | null | undefined } | undefined
}

/** A provider that cannot be set up as written; `path` is the config field at fault. */
export class ProviderConfigError extends Error {
  readonly path: string

  constructor(path: string, message: string) {
    super(message)
    this.name = 'ProviderConfigError'
    this.path = path
  }
}

/** Deadlines where neither provider nor gateway sets its own. */
export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 5_000, firstTokenMs: 60_000, idleMs: 60_000, totalMs: 600_000 }

/** Builds the providers of a config in its order. Throws `ProviderConfigError` at the first field that is wrong. */
export function configureProviders(
  config: Readonly<Record<string, ProviderInput>>,
  environment: Environment,
  timeouts: Timeouts = DEFAULT_TIMEOUTS,
): Provider[] {
  return Object.entries(config).map(([name, input]) => configureProvider(name, input, environment, timeouts))
}

/**
 * Providers that the environment alone sets up: each preset whose key variable is set and whose placeholders have values.
 * A variable serves one preset, the first that names it. With none at all: the simulator, as `sim`.
 */
export function discoverProviders(environment: Environment, timeouts: Timeouts = DEFAULT_TIMEOUTS): Provider[] {
  const found: Record<string, ProviderInput> = {}
  const taken = new Set<string>()
  for (const [name, preset] of Object.entries(PRESETS)) {
    if (preset.local === true || preset.explicit === true) continue
    const variable = preset.env.find((candidate) => isSet(environment[candidate]))
    if (variable === undefined || taken.has(variable) || !isComplete(preset, environment)) continue
    taken.add(variable)
    found[name] = { preset: name }
  }
  const config = Object.keys(found).length > 0 ? found : { sim: { preset: 'simulator' } }
  return configureProviders(config, environment, timeouts)
}

function isComplete(preset: Preset, environment: Environment): boolean {
  if (preset.baseUrlEnv !== undefined && isSet(environment[preset.baseUrlEnv])) return true
  return placeholders(preset.baseUrl).every((name) => settingOf(preset, name, {}, environment) !== null)
}

function configureProvider(name: string, input: ProviderInput, environment: Environment, defaults: Timeouts): Provider {
  const path = `providers.${name}`
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new ProviderConfigError(
      path,
      'a provider’s name is letters, digits, `.`, `_` and `-`: models are called `provider/model`',
    )
  const presetName = input.preset ?? name
  const preset = Object.hasOwn(PRESETS, presetName) ? PRESETS[presetName] : undefined
  if (preset === undefined) throw unknownPreset(path, presetName, input.preset === undefined)
  const custom = customOf(path, preset, input.custom)
  const settings = { ...input.settings }
  const fill = (text: string): string =>
    text.replaceAll(/\{([a-z_]+)\}/g, (_, placeholder: string) => {
      const value = settingOf(preset, placeholder, settings, environment)
      const at = `${path}.settings.${placeholder}`
      if (value === null) throw new ProviderConfigError(at, `the preset \`${presetName}\` needs \`${placeholder}\``)
      // Anything else could move the request, with its key, to another host.
      if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(value))
        throw new ProviderConfigError(at, 'letters, digits, `.`, `_` and `-` only')
      settings[placeholder] = value
      return value
    })
  const baseUrl = checkedBaseUrl(baseUrlOf(preset, input, environment, fill), `${path}.base_url`)
  // Signatures are for a region, also where the address is the operator's own.
  if (preset.auth.type === 'aws') fill('{region}')
  const query = preset.quirks.query
  const quirks: Quirks = {
    ...preset.quirks,
    ...(query === undefined ? {} : { query: fill(query) }),
    ...input.quirks,
    ...(custom === null ? {} : { custom: custom.format }),
  }
  return {
    name,
    preset: presetName,
    wire: custom?.wire ?? (quirks.responses === 'only' ? 'openai-responses' : preset.wire),
    baseUrl,
    credentials: credentialsOf(name, preset, input, environment),
    auth: custom?.auth ?? preset.auth,
    headers: { ...preset.headers, ...checkedHeaders(input.headers ?? {}, `${path}.headers`) },
    quirks,
    ...(preset.outcomes === undefined ? {} : { outcomes: preset.outcomes }),
    timeouts: {
      connectMs: input.timeouts?.connectMs ?? defaults.connectMs,
      firstTokenMs: input.timeouts?.firstTokenMs ?? defaults.firstTokenMs,
      idleMs: input.timeouts?.idleMs ?? defaults.idleMs,
      totalMs: input.timeouts?.totalMs ?? defaults.totalMs,
    },
    proxy: proxyOf(input, baseUrl, environment, `${path}.proxy`),
    ca: checkedAuthority(input.ca, `${path}.ca`),
    allowPrivate: input.allowPrivate ?? true,
    settings,
    ...(input.collectsData === undefined ? {} : { collectsData: input.collectsData }),
    limits: { rpm: input.limits?.rpm ?? null, tpm: input.limits?.tpm ?? null },
  }
}

function customOf(
  path: string,
  preset: Preset,
  input: CustomInput | undefined,
): ReturnType<typeof customProvider> | null {
  const isCustom = preset.wire === 'custom'
  if (input === undefined && !isCustom) return null
  if (input === undefined)
    throw new ProviderConfigError(path, 'the preset `custom` needs `custom`: what is sent, and where answers stand')
  if (!isCustom) throw new ProviderConfigError(`${path}.custom`, '`custom` belongs to the preset `custom`')
  const wrong = customProblem(input)
  if (wrong !== null) throw new ProviderConfigError(`${path}.${wrong.field}`, wrong.problem)
  checkedHeaders(input.headers, `${path}.custom.headers`)
  return customProvider(input)
}

function baseUrlOf(
  preset: Preset,
  input: ProviderInput,
  environment: Environment,
  fill: (text: string) => string,
): string {
  if (input.baseUrl !== undefined) return fill(input.baseUrl)
  const moved = preset.baseUrlEnv === undefined ? undefined : environment[preset.baseUrlEnv]
  return isSet(moved) ? conventionalBaseUrl(moved, preset) : fill(preset.baseUrl)
}

/**
 * Such variables hold what their own tool takes: `OLLAMA_HOST=0.0.0.0:11434` (an address to listen on), an Azure endpoint
 * without a path, a full base URL. What is missing comes from the preset.
 */
function conventionalBaseUrl(value: string, preset: Preset): string {
  const scheme = preset.local === true ? 'http' : 'https'
  const text = /^[a-z]+:\/\//i.test(value) ? value : `${scheme}://${value}`
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1'
  if (url.pathname !== '/') return url.href
  return url.origin + preset.baseUrl.replace(/^[a-z]+:\/\/[^/]*/, '')
}

function checkedBaseUrl(text: string, path: string): string {
  if (text === '') throw new ProviderConfigError(path, 'this preset has no address of its own: give its base URL')
  if (!URL.canParse(text)) throw new ProviderConfigError(path, 'this is no URL')
  const url = new URL(text)
  if (!['http:', 'https:', 'simulator:'].includes(url.protocol))
    throw new ProviderConfigError(path, 'a base URL starts with `http://` or `https://`')
  if (url.username !== '' || url.password !== '')
    throw new ProviderConfigError(path, 'a base URL holds no user or password: use `keys` or `headers`')
  if (url.search !== '' || url.hash !== '')
    throw new ProviderConfigError(path, 'a base URL ends with its path: no `?`, no `#`')
  // As the URL parser writes it: decimal, octal and hexadecimal hosts are dotted from here on.
  return url.href.replace(/\/+$/, '')
}

function credentialsOf(name: string, preset: Preset, input: ProviderInput, environment: Environment): Credential[] {
  const path = `providers.${name}.keys`
  if (preset.auth.type === 'none') return []
  let secrets = input.keys
  if (secrets === undefined) {
    const secret = secretOfEnvironment(preset, environment)
    secrets = secret === null ? [] : [secret]
    // With a base URL of the operator's own, whether a key is wanted is theirs to know.
    if (secret === null && preset.local !== true && input.baseUrl === undefined)
      throw new ProviderConfigError(
        path,
        `no key: set ${preset.env.join(' or ')}, or give \`keys\` (\`[]\` if none is wanted)`,
      )
  }
  const unique = new Set(
    secrets.map((secret, index) => {
      const trimmed = secret.trim()
      if (trimmed === '') throw new ProviderConfigError(`${path}.${index}`, 'the key is empty')
      if (preset.auth.type === 'google' && isServiceAccount(trimmed)) {
        checkServiceAccount(trimmed, `${path}.${index}`)
        return trimmed
      }
      if (!/^[\x21-\x7e]+$/.test(trimmed))
        throw new ProviderConfigError(`${path}.${index}`, 'the key holds characters that no header can carry')
      return trimmed
    }),
  )
  return Array.from(unique, (secret, index) => ({ id: `${name}#${index + 1}`, secret }))
}

function checkServiceAccount(text: string, path: string): void {
  try {
    readServiceAccount(text)
  } catch (error) {
    if (error instanceof ServiceAccountError) throw new ProviderConfigError(path, error.message)
    throw error
  }
}

function secretOfEnvironment(preset: Preset, environment: Environment): string | null {
  const variable = preset.env.find((candidate) => isSet(environment[candidate]))
  if (variable !== undefined) return environment[variable] ?? null
  // Such keys open everything of an account: they serve only a provider that the config names.
  return preset.auth.type === 'aws' ? awsSecretOfEnvironment(environment) : null
}

function checkedHeaders(headers: Readonly<Record<string, string>>, path: string): Readonly<Record<string, string>> {
  const checked: Record<string, string> = {}
  for (const [header, value] of Object.entries(headers)) {
    const name = header.toLowerCase()
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
      throw new ProviderConfigError(`${path}.${header}`, 'this is no header name')
    if (NEVER_UPSTREAM.has(name))
      throw new ProviderConfigError(`${path}.${header}`, 'the gateway sets this header itself')
    if (!/^[\t\x20-\x7e]*$/.test(value)) throw new ProviderConfigError(`${path}.${header}`, 'printable ASCII only')
    checked[name] = value
  }
  return checked
}

function proxyOf(input: ProviderInput, baseUrl: string, environment: Environment, path: string): string | null {
  if (input.proxy === 'none') return null
  const proxy = input.proxy ?? environmentProxy(baseUrl, environment)
  if (proxy === null) return null
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol))
    throw new ProviderConfigError(path, 'a proxy is written `http://host:port` or `https://host:port`, or `none`')
  return proxy
}

function checkedAuthority(pem: string | undefined, path: string): string | null {
  if (pem === undefined) return null
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new ProviderConfigError(path, 'this holds no PEM certificate')
  return pem
}

function placeholders(text: string): string[] {
  return Array.from(text.matchAll(/\{([a-z_]+)\}/g), (match) => match[1] ?? '')
}

function settingOf(
  preset: Preset,
  placeholder: string,
  settings: Readonly<Record<string, string>>,
  environment: Environment,
): string | null {
  const own = Object.hasOwn(settings, placeholder) ? settings[placeholder] : undefined
  if (isSet(own)) return own
  const source = preset.settings?.[placeholder]
  const variable = source?.env === undefined ? undefined : environment[source.env]
  return isSet(variable) ? variable : (source?.default ?? null)
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== ''
}

function unknownPreset(path: string, preset: string, isName: boolean): ProviderConfigError {
  const near = nearestNames(preset, Object.keys(PRESETS))
  const hint = near.length === 0 ? '' : `; near: ${near.join(', ')}`
  const generic = isName ? ' Name its preset; for any other OpenAI-compatible host it is `openai-compatible`.' : ''
  return new ProviderConfigError(`${path}.preset`, `there is no preset \`${preset}\`${hint}.${generic}`)
}

/** Names that contain what was written or lie at most two edits away from it. */
