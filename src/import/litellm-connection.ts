// How an entry of `model_list` reaches its host: address, keys, region, deadlines and grants → a provider of ours.
import type { Path } from '../config/problem.ts'
import { durationOfSeconds } from './amounts.ts'
import type { FileNotes } from './finding.ts'
import type { NamedHost } from './litellm-hosts.ts'
import { countOf, mappingOf, type Written, written } from './litellm-values.ts'
import { providerProblem } from './provider-problem.ts'

export type Connection = {
  readonly provider: Readonly<Record<string, unknown>>
  /** Literal texts among it that are secret. */
  readonly secrets: readonly string[]
}

type Params = Readonly<Record<string, unknown>>

/** What one entry is read with. */
type Reader = {
  readonly params: Params
  readonly at: (name: string) => Path
  readonly notes: FileNotes
  readonly provider: Record<string, unknown>
  readonly secrets: string[]
}

/** Null: nobody can be called, and a note says why. */
export function litellmConnection(
  named: NamedHost,
  entry: { readonly path: Path; readonly params: Params },
  notes: FileNotes,
): Connection | null {
  const reader: Reader = {
    params: entry.params,
    at: (name) => [...entry.path, 'litellm_params', name],
    notes,
    provider: { preset: named.host.preset },
    secrets: [],
  }
  const isReachable = readHost(named, reader, entry.path)
  if (!isReachable) return null
  readHeaders(reader)
  readDeadlines(reader)
  readGrants(reader)
  const problem = providerProblem(reader.provider)
  if (problem !== null) {
    notes.dropped(entry.path, `nobody can be called: ${problem}`)
    return null
  }
  return { provider: reader.provider, secrets: reader.secrets }
}

function readHost(named: NamedHost, reader: Reader, path: Path): boolean {
  switch (named.host.form ?? 'plain') {
    case 'plain':
      return readPlain(named, reader, path)
    case 'deployments':
      return readDeployments(reader, path)
    case 'signed':
      return readSigned(reader)
    case 'project':
      return readProject(reader)
  }
}

/** The first of these names that has text, noted as carried. */
function take(reader: Reader, names: readonly string[], message: string): Written | null {
  for (const name of names) {
    const found = written(reader.params[name])
    if (found === null) continue
    reader.notes.carried(reader.at(name), message)
    return found
  }
  return null
}

function takeKey(reader: Reader, names: readonly string[] = ['api_key']): void {
  const key = take(reader, names, 'keys of the provider')
  if (key === null) return
  reader.provider['keys'] = [key.text]
  if (!key.isVariable) reader.secrets.push(key.text)
}

function readPlain({ host, name }: NamedHost, reader: Reader, path: Path): boolean {
  const base = take(reader, ['api_base', 'base_url'], 'base_url of the provider')
  if (base !== null)
    reader.provider['base_url'] = trimmed(base.text).replace(host.cut ?? /$^/, '') + (host.append ?? '')
  if (base === null && host.needsBase === true) {
    reader.notes.dropped(path, `\`${name}\` has no address of its own: \`api_base\` is missing`)
    return false
  }
  takeKey(reader)
  if (base !== null && host.elsewhere !== undefined && !host.elsewhere.own.test(base.text))
    moveElsewhere(host.elsewhere, reader)
  return true
}

/** Another host that speaks the format: what it costs is not what the maker of the format takes, nor has it all that is there. */
function moveElsewhere(
  { preset }: NonNullable<NamedHost['host']['elsewhere']>,
  { provider, notes, at, params }: Reader,
): void {
  provider['preset'] = preset
  const key = provider['keys'] === undefined ? '; no key is sent, because none is named' : ''
  notes.changed(
    at(params['api_base'] === undefined ? 'base_url' : 'api_base'),
    `preset \`${preset}\`: what its models cost is set with \`price\`, else budgets refuse them unless \`unpriced\` says otherwise${key}`,
  )
}

// A resource has two addresses: one with the deployment in the path and a version in the query, and a newer one without.
function readDeployments(reader: Reader, path: Path): boolean {
  const base = take(reader, ['api_base', 'base_url'], 'base_url of the provider')
  const version = take(reader, ['api_version'], 'api_version of the provider')
  if (base === null) {
    reader.notes.dropped(path, '`api_base` is missing, so its resource is not known')
    return false
  }
  const address = trimmed(base.text).replace(/\/openai(?:\/deployments(?:\/[^/]*)?)?$/, '')
  const isNewer = address.endsWith('/openai/v1') || ['latest', 'preview', 'v1'].includes(version?.text ?? '')
  if (isNewer) {
    reader.provider['preset'] = 'azure'
    reader.provider['base_url'] = address.endsWith('/openai/v1') ? address : `${address}/openai/v1`
  } else {
    reader.provider['base_url'] = `${address}/openai/deployments`
    if (version !== null) reader.provider['api_version'] = version.text
  }
  if (base.isVariable)
    reader.notes.changed(reader.at('api_base'), `${base.text} is written without a slash at its end here`)
  takeKey(reader)
  for (const name of ['azure_ad_token', 'tenant_id', 'client_id', 'client_secret'])
    if (reader.params[name] !== undefined)
      reader.notes.dropped(reader.at(name), 'only keys of the resource are understood, not Entra ID')
  return true
}

function readSigned(reader: Reader): boolean {
  const region = take(reader, ['aws_region_name', 'region_name'], 'region of the provider')
  if (region !== null) reader.provider['region'] = region.text
  const base = take(reader, ['aws_bedrock_runtime_endpoint', 'api_base'], 'base_url of the provider')
  if (base !== null) reader.provider['base_url'] = trimmed(base.text)
  const id = take(reader, ['aws_access_key_id'], 'keys of the provider')
  const secret = take(reader, ['aws_secret_access_key'], 'keys of the provider')
  const session = take(reader, ['aws_session_token'], 'keys of the provider')
  if (id !== null && secret !== null) {
    const parts = [id, secret, ...(session === null ? [] : [session])]
    const key = parts.map(({ text }) => text).join(':')
    reader.provider['keys'] = [key]
    if (parts.some(({ isVariable }) => !isVariable)) reader.secrets.push(key)
  } else takeKey(reader)
  for (const name of ['aws_profile_name', 'aws_role_name', 'aws_session_name', 'aws_web_identity_token'])
    if (reader.params[name] !== undefined)
      reader.notes.dropped(
        reader.at(name),
        'keys of AWS come as keys or by its environment variables, not by profiles or roles',
      )
  return true
}

function readProject(reader: Reader): boolean {
  const project = take(reader, ['vertex_project', 'vertex_ai_project'], 'project of the provider')
  if (project !== null) reader.provider['project'] = project.text
  const region = take(reader, ['vertex_location', 'vertex_ai_location'], 'region of the provider')
  if (region !== null && region.text !== 'global') {
    reader.provider['preset'] = `${String(reader.provider['preset'])}-region`
    reader.provider['region'] = region.text
  }
  const name = 'vertex_credentials'
  const file = written(reader.params[name])
  if (file === null) {
    // LiteLLM takes the file that Google's own variable names.
    reader.provider['keys'] = ['file:${GOOGLE_APPLICATION_CREDENTIALS}']
    return true
  }
  const isContent = file.isVariable || file.text.startsWith('{')
  reader.provider['keys'] = [isContent ? file.text : `file:${file.text}`]
  if (isContent && !file.isVariable) reader.secrets.push(file.text)
  if (file.isVariable)
    reader.notes.changed(
      reader.at(name),
      `${file.text} holds the content of the key file here; for its path write \`file:${file.text}\``,
    )
  else reader.notes.carried(reader.at(name), 'keys of the provider')
  return true
}

function readHeaders(reader: Reader): void {
  const headers = new Map<string, string>()
  for (const name of ['extra_headers', 'headers'])
    for (const [header, value] of Object.entries(mappingOf(reader.params[name]))) {
      const text = written(value)
      if (text === null) continue
      headers.set(header.toLowerCase(), text.text)
      if (!text.isVariable) reader.secrets.push(text.text)
      reader.notes.carried([...reader.at(name), header], 'headers of the provider')
    }
  const organization = take(reader, ['organization'], 'header `openai-organization` of the provider')
  if (organization !== null) headers.set('openai-organization', organization.text)
  if (headers.size > 0) reader.provider['headers'] = Object.fromEntries(headers)
}

function readDeadlines(reader: Reader): void {
  const { params, at, notes } = reader
  const timeout = durationOfSeconds(params['timeout'])
  const stream = durationOfSeconds(params['stream_timeout'])
  const timeouts = {
    ...(timeout === null ? {} : { first_token: timeout, idle: timeout }),
    ...(stream === null ? {} : { idle: stream, ...(timeout === null ? { first_token: stream } : {}) }),
  }
  for (const [name, read] of [
    ['timeout', timeout],
    ['stream_timeout', stream],
  ] as const)
    if (read === null && params[name] !== undefined) notes.dropped(at(name), 'no number of seconds from 0.01 to 86400')
  if (Object.keys(timeouts).length === 0) return
  reader.provider['timeouts'] = timeouts
  if (timeout !== null) notes.carried(at('timeout'), 'deadlines of the provider: first token, and between two pieces')
  if (stream !== null) notes.changed(at('stream_timeout'), 'the deadline between two pieces, of whole answers too')
}

function readGrants(reader: Reader): void {
  const { params, at, notes } = reader
  const rpm = countOf(params['rpm'])
  const tpm = countOf(params['tpm'])
  if (rpm === null && tpm === null) return
  reader.provider['limits'] = { ...(rpm === null ? {} : { rpm }), ...(tpm === null ? {} : { tpm }) }
  const words = 'granted by the provider, for each key and model: requests beyond it go to other targets, or wait'
  if (rpm !== null) notes.carried(at('rpm'), words)
  if (tpm !== null) notes.carried(at('tpm'), words)
}

/** Of a literal address, the slash at its end. */
function trimmed(text: string): string {
  return text.replace(/\/+$/, '')
}
