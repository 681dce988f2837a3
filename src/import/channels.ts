// Channels of one-api and new-api → providers, and a route for each model name with the channels that serve it.
import {
  type ConfigDraft,
  freeName,
  isModelId,
  literal,
  NAMELESS,
  type ProviderDraft,
  providerName,
  type RouteDraft,
  routeName,
  type TargetDraft,
} from './draft.ts'
import { type ForeignRow, integerIn, isDeleted, jsonIn, partsOf, textIn } from './channel-rows.ts'
import { type ChannelPart, channelProvider } from './channel-provider.ts'
import type { ChannelType } from './channel-types.ts'
import type { Finding, Outcome } from './finding.ts'
import { providerProblem } from './provider-problem.ts'
import { rowOf } from './table.ts'

/** A channel that is in use, with the name of its provider. */
type Served = {
  readonly provider: string
  /** What clients write → what the provider calls it. */
  readonly models: ReadonlyMap<string, string>
  readonly groups: readonly string[]
  readonly priority: number
  readonly weight: number
}

export type ImportedChannels = Pick<ConfigDraft, 'providers' | 'routes'> & {
  readonly findings: readonly Finding[]
  readonly secrets: ReadonlySet<string>
  /** Group → names of models that it may ask for. */
  readonly modelsOf: ReadonlyMap<string, readonly string[]>
}

const ENABLED = 1
const STATES: Readonly<Record<string, string>> = { 2: 'it is switched off', 3: 'it was switched off after failures' }

/** What is read so far. `reserved`: names that routes begin with, and providers may not have. */
type Work = {
  readonly types: Readonly<Record<number, ChannelType>>
  readonly usesWeights: boolean
  readonly reserved: ReadonlySet<string>
  readonly providers: Map<string, ProviderDraft>
  readonly served: Served[]
  readonly findings: Finding[]
  readonly secrets: Set<string>
}

export function importChannels(
  rows: readonly ForeignRow[],
  types: Readonly<Record<number, ChannelType>>,
  usesWeights: boolean,
): ImportedChannels {
  const reserved = new Set(
    rows.flatMap((row) => partsOf(textIn(row, 'models'))).map((model) => routeName(model).split('/')[0]!.toLowerCase()),
  )
  const work: Work = {
    types,
    usesWeights,
    reserved,
    providers: new Map(),
    served: [],
    findings: [],
    secrets: new Set(),
  }
  for (const row of rows) if (!isDeleted(row)) readChannel(row, work)
  const { providers, served, findings, secrets } = work
  return {
    providers: Object.fromEntries(providers),
    routes: routesOf(served, findings),
    findings,
    secrets,
    modelsOf: groupModels(served),
  }
}

function readChannel(row: ForeignRow, work: Work): void {
  const place = `channels #${integerIn(row, 'id')} (${textIn(row, 'name')})`
  const note: Note = (outcome, message) => void work.findings.push({ outcome, place, line: null, message })
  const status = integerIn(row, 'status')
  const type = work.types[integerIn(row, 'type')]
  if (status !== ENABLED) return note('dropped', rowOf(STATES, String(status)) ?? `its status is ${status}`)
  if (type === undefined) return note('dropped', `channels of type ${integerIn(row, 'type')} are not known`)
  if ('reason' in type) return note('dropped', `${type.title}: ${type.reason}`)
  const models = nameableModels(row, note)
  for (const part of channelProvider(row, type, [...models.values()], note)) {
    const problem = providerProblem(part.provider)
    if (problem === null) serve(row, type.title, part, { work, models, note })
    else note('dropped', `nobody can be called: ${problem}`)
  }
}

type Note = (outcome: Outcome, message: string) => void

/** A provider of the channel, under a name that is free. */
function serve(
  row: ForeignRow,
  title: string,
  part: ChannelPart,
  { work, models, note }: { readonly work: Work; readonly models: ReadonlyMap<string, string>; readonly note: Note },
): void {
  const { providers, reserved, served, secrets, usesWeights } = work
  const own = providerName(textIn(row, 'name'))
  // A name in another script leaves nothing that a provider may be called.
  const wanted = own === NAMELESS ? providerName(title) : own
  const name = freeName(wanted, (taken) => providers.has(taken) || reserved.has(taken))
  const answered = new Map([...models].filter(([, model]) => part.models.includes(model)))
  providers.set(name, part.provider)
  for (const secret of part.secrets) secrets.add(secret)
  served.push({
    provider: name,
    models: answered,
    groups: partsOf(textIn(row, 'group') || 'default'),
    priority: integerIn(row, 'priority'),
    weight: usesWeights ? integerIn(row, 'weight') : 0,
  })
  const count = `${answered.size} model${answered.size === 1 ? '' : 's'}`
  note('carried', `provider \`${name}\` (preset \`${String(part.provider['preset'])}\`) with ${count}`)
}

function nameableModels(row: ForeignRow, note: Note): ReadonlyMap<string, string> {
  const all = modelsOf(row)
  const models = new Map([...all].filter(([, model]) => isModelId(model)))
  const others = [...all.keys()].filter((model) => !models.has(model))
  if (others.length > 0)
    note('dropped', `${others.join(', ')}: a name with blanks cannot be written as \`provider/model\``)
  return models
}

/** `models` are the names that clients write; `model_mapping` says what some of them are called at the host. */
function modelsOf(row: ForeignRow): ReadonlyMap<string, string> {
  const mapping = jsonIn(row, 'model_mapping')
  return new Map(partsOf(textIn(row, 'models')).map((model) => [model, meant(model, mapping)]))
}

// new-api follows a mapping of a mapping; a circle ends where it began.
function meant(model: string, mapping: Readonly<Record<string, unknown>>): string {
  let found = model
  for (const seen = new Set<string>(); !seen.has(found);) {
    seen.add(found)
    const next = rowOf(mapping, found)
    if (typeof next !== 'string' || next.trim() === '') break
    found = next.trim()
  }
  return found
}

function routesOf(served: readonly Served[], findings: Finding[]): Readonly<Record<string, RouteDraft>> {
  const names = [...new Set(served.flatMap(({ models }) => [...models.keys()]))].toSorted()
  const routes = new Map<string, RouteDraft>()
  const allGroups = new Set(served.flatMap(({ groups }) => groups))
  for (const model of names) {
    const place = `model ${model}`
    const note = (message: string) => void findings.push({ outcome: 'changed', place, line: null, message })
    const name = routeName(model)
    if (name === '' || routes.has(name)) {
      findings.push({
        outcome: 'dropped',
        place,
        line: null,
        message: `\`${name}\` would be its name, which is none or taken`,
      })
      continue
    }
    if (name !== model) note(`clients write \`${name}\``)
    const channels = served
      .filter(({ models }) => models.has(model))
      .toSorted((one, two) => two.priority - one.priority)
    const first = channels.filter(({ priority }) => priority === channels[0]!.priority)
    const later = channels.slice(first.length)
    const useOf = ({ provider, models }: Served) => literal(`${provider}/${models.get(model)!}`)
    const isWeighted = first.length > 1 && first.some(({ weight }) => weight > 0)
    const targets = first.map((channel): TargetDraft =>
      // A weight of 0 beside others is a channel that is hardly ever asked there; here a target has some weight.
      isWeighted ? { use: useOf(channel), weight: Math.max(channel.weight, 1) } : useOf(channel),
    )
    routes.set(name, {
      ...(first.length > 1 ? { strategy: 'weighted' } : {}),
      targets,
      ...(later.length === 0 ? {} : { fallbacks: later.map(useOf) }),
    })
    const differ = new Set(channels.map(({ groups }) => groups.toSorted().join()))
    if (differ.size > 1 && allGroups.size > 1)
      note('each group had channels of its own for it: here one route serves all groups that may use it')
  }
  return Object.fromEntries(routes)
}

function groupModels(served: readonly Served[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>()
  for (const { groups, models } of served)
    for (const group of groups) {
      const known = found.get(group) ?? new Set<string>()
      for (const model of models.keys()) known.add(routeName(model))
      found.set(group, known)
    }
  return new Map([...found].map(([group, models]) => [group, [...models].toSorted()]))
}
