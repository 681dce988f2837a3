// How one channel of one-api or new-api reaches its host → a provider, or two where a cloud has two APIs.
import { isObject } from '../core/json.ts'
import type { ForeignRow } from './channel-rows.ts'
import { jsonIn, parsed, textIn } from './channel-rows.ts'
import type { ChannelHost } from './channel-types.ts'
import { literal, type ProviderDraft } from './draft.ts'
import type { Outcome } from './finding.ts'

export type ChannelPart = {
  readonly provider: ProviderDraft
  /** Literal texts among it that are secret. */
  readonly secrets: readonly string[]
  /** Those of the channel's models that it serves, as the host calls them. */
  readonly models: readonly string[]
}

type Note = (outcome: Outcome, message: string) => void

/** Empty: nobody can be called, and a note says why. */
export function channelProvider(
  row: ForeignRow,
  host: ChannelHost,
  models: readonly string[],
  note: Note,
): readonly ChannelPart[] {
  const keys = keysOf(row, host)
  if (models.length === 0) {
    note('dropped', 'it has no models')
    return []
  }
  const address = addressOf(row, host, note)
  if (address === null) return []
  if (host.change !== undefined) note('changed', host.change)
  const common = { preset: host.preset, ...address, ...extrasOf(row, note) }
  switch (host.form ?? 'plain') {
    case 'plain':
      return [part(common, keys, models)]
    case 'deployments': {
      const version = textIn(row, 'other') || textIn(jsonIn(row, 'config'), 'api_version')
      return [part({ ...common, ...(version === '' ? {} : { api_version: version }) }, keys, models)]
    }
    case 'account':
      return account(row, common, keys, models, note)
    case 'signed':
      return signed(row, common, keys, models, note)
    case 'project':
      return project(row, common, keys, models, note)
  }
}

function part(provider: ProviderDraft, keys: readonly string[], models: readonly string[]): ChannelPart {
  const written = keys.map(literal)
  const headers = Object.values((provider['headers'] ?? {}) as Readonly<Record<string, string>>)
  const proxy = provider['proxy']
  return {
    provider: { ...provider, keys: written },
    secrets: [...written, ...headers, ...(typeof proxy === 'string' ? [proxy] : [])],
    models,
  }
}

/** new-api keeps several keys of a channel as lines, or as a list; those that it switched off are left out. */
function keysOf(row: ForeignRow, host: ChannelHost): readonly string[] {
  const text = textIn(row, 'key')
  const list = text.startsWith('[') ? parsed(text) : null
  const found = Array.isArray(list)
    ? list.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
    : host.form === 'project' || text.startsWith('{')
      ? [text]
      : text.split('\n')
  const states = jsonIn(row, 'channel_info')['multi_key_status_list']
  const isOn = (index: number) => {
    const state =
      typeof states === 'object' && states !== null ? (states as Readonly<Record<string, unknown>>)[index] : undefined
    return state === undefined || state === 1
  }
  return found.filter((key, index) => key.trim() !== '' && isOn(index)).map((key) => key.trim())
}

function addressOf(row: ForeignRow, host: ChannelHost, note: Note): { readonly base_url?: string } | null {
  const written = textIn(row, 'base_url').replace(/\/+$/, '')
  const base = written === '' ? (host.base ?? '') : written
  if (base === '') {
    if (host.needsBase !== true) return {}
    note('dropped', `${host.title}: it has no address (\`base_url\`)`)
    return null
  }
  if (!/^https?:\/\/\S+$/.test(base)) {
    note('dropped', `\`${base}\` is no address that can be called: write it out as \`base_url\``)
    return null
  }
  // A channel may name one endpoint, or the version that is added anyway.
  const bare = base.replace(/\/chat\/completions$/, '')
  const path = host.path !== '' && bare.endsWith(host.path) ? '' : host.path
  return { base_url: literal(`${bare}${path}`) }
}

const PLACELESS: Readonly<Record<string, string>> = {
  param_override: 'fields that are put into every request',
  status_code_mapping: 'statuses that stand for others: failures are classified by status and body',
  system_prompt: 'a system prompt that is put into every request',
}

/** Headers, organisation and proxy; what else is set is named as dropped. */
function extrasOf(row: ForeignRow, note: Note): Readonly<Record<string, unknown>> {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(jsonIn(row, 'header_override')))
    if (typeof value === 'string' && !/[{}*]/.test(value + name)) headers.set(name.toLowerCase(), literal(value))
    else note('dropped', `header_override \`${name}\`: only headers with a fixed value`)
  const organization = textIn(row, 'open_ai_organization') || textIn(row, 'openai_organization')
  if (organization !== '') headers.set('openai-organization', literal(organization))
  const { proxy, ...settings } = jsonIn(row, 'setting')
  for (const [column, reason] of Object.entries(PLACELESS))
    if (!['', '{}', 'null'].includes(textIn(row, column))) note('dropped', `${column}: ${reason}`)
  for (const [name, value] of Object.entries(settings))
    if (value !== false && value !== null && value !== '') note('dropped', `setting \`${name}\``)
  const isProxy = typeof proxy === 'string' && /^https?:\/\//.test(proxy)
  if (typeof proxy === 'string' && proxy !== '' && !isProxy) note('dropped', 'proxy: only HTTP proxies')
  return {
    ...(headers.size === 0 ? {} : { headers: Object.fromEntries(headers) }),
    ...(isProxy ? { proxy: literal(proxy) } : {}),
  }
}

function account(
  row: ForeignRow,
  common: ProviderDraft,
  keys: readonly string[],
  models: readonly string[],
  note: Note,
): readonly ChannelPart[] {
  const id = textIn(jsonIn(row, 'config'), 'user_id') || textIn(row, 'other')
  if (/^\w+$/.test(id)) return [part({ preset: common['preset'], account: id }, keys, models)]
  note('dropped', 'the id of its account is missing')
  return []
}

// Its models have ids of their own (`anthropic.claude-…`); the names that the other gateway turns into them are in its code.
function signed(
  row: ForeignRow,
  common: ProviderDraft,
  keys: readonly string[],
  models: readonly string[],
  note: Note,
): readonly ChannelPart[] {
  const known = models.filter((model) => model.includes('.') && !model.startsWith('claude-'))
  const unknown = models.filter((model) => !known.includes(model))
  if (unknown.length > 0)
    note(
      'dropped',
      `${unknown.join(', ')}: write the ids that Bedrock has for them, e.g. anthropic.claude-sonnet-4-5-20250929-v1:0`,
    )
  if (known.length === 0) return []
  const config = jsonIn(row, 'config')
  const pairs = keys.map((key) => key.split('|'))
  const fromConfig =
    textIn(config, 'ak') !== '' && textIn(config, 'sk') !== ''
      ? [[textIn(config, 'ak'), textIn(config, 'sk'), textIn(config, 'region')]]
      : []
  const all = fromConfig.length > 0 ? fromConfig : pairs
  const region = all.map((parts) => parts.at(-1) ?? '').find((text) => /^[a-z]{2}[a-z-]*-\d$/.test(text))
  const secrets = all.map((parts) => (parts.length >= 3 ? `${parts[0]}:${parts[1]}` : (parts[0] ?? '')))
  return [part({ ...common, ...(region === undefined ? {} : { region }) }, secrets, known)]
}

function project(
  row: ForeignRow,
  common: ProviderDraft,
  keys: readonly string[],
  models: readonly string[],
  note: Note,
): readonly ChannelPart[] {
  const config = jsonIn(row, 'config')
  const content = textIn(config, 'vertex_ai_adc') === '' ? keys : [textIn(config, 'vertex_ai_adc')]
  const files = content.map(parsed).filter(isObject)
  const id = textIn(config, 'vertex_ai_project_id') || textIn(files[0] ?? {}, 'project_id')
  const regions = jsonIn(row, 'other')
  const only = textIn(row, 'other').startsWith('{') ? textIn(regions, 'default') : textIn(row, 'other')
  const region = textIn(config, 'region') || only
  if (id === '') {
    note('dropped', 'the key file of a service account is missing')
    return []
  }
  if (Object.keys(regions).some((name) => name !== 'default')) note('changed', 'all models are called in one region')
  // A key file of several lines is written as one.
  const oneLine = files.map((file) => JSON.stringify(file))
  const isGlobal = region === '' || region === 'global'
  const place = { project: id, ...(isGlobal ? {} : { region }) }
  const claude = models.filter((model) => model.startsWith('claude'))
  const others = models.filter((model) => !model.startsWith('claude'))
  const suffix = isGlobal ? '' : '-region'
  const base = String(common['preset'])
  return [
    ...(others.length === 0 ? [] : [part({ ...common, preset: `${base}${suffix}`, ...place }, oneLine, others)]),
    ...(claude.length === 0
      ? []
      : [part({ ...common, preset: `${base}-anthropic${suffix}`, ...place }, oneLine, claude)]),
  ]
}
