// Channels of one-api and new-api → providers, and a route for each model name with the channels that serve it.
import {
  type ConfigDraft,
  freeName,
  isModelId,
  literal,
  type ProviderDraft,
  providerName,
  type RouteDraft,
  routeName,
  type TargetDraft,
} from './draft.ts'
import { type ForeignRow, integerIn, isDeleted, jsonIn, partsOf, textIn } from './channel-rows.ts'
import { channelProvider } from './channel-provider.ts'
import type { ChannelType } from './channel-types.ts'
import type { Finding, Outcome } from './finding.ts'
import { providerProblem } from './provider-problem.ts'

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
const STATES: Readonly<Record<number, string>> = { 2: 'it is switched off', 3: 'it was switched off after failures' }

export function importChannels(
  rows: readonly ForeignRow[],
  types: Readonly<Record<number, ChannelType>>,
  usesWeights: boolean,
): ImportedChannels {
  const findings: Finding[] = []
  const secrets = new Set<string>()
  const providers: Record<string, ProviderDraft> = {}
  const reserved = new Set(
    rows.flatMap((row) => partsOf(textIn(row, 'models'))).map((model) => routeName(model).split('/')[0]!.toLowerCase()),
  )
  const served: Served[] = []
  for (const row of rows) {
    const place = `channels #${integerIn(row, 'id')} (${textIn(row, 'name')})`
    const note = (outcome: Outcome, message: string) => void findings.push({ outcome, place, line: null, message })
    const status = integerIn(row, 'status')
    const type = types[integerIn(row, 'type')]
    if (isDeleted(row)) continue
    if (status !== ENABLED) note('dropped', STATES[status] ?? `its status is ${status}`)
    else if (type === undefined) note('dropped', `channels of type ${integerIn(row, 'type')} are not known`)
    else if ('reason' in type) note('dropped', `${type.title}: ${type.reason}`)
    else {
      const all = modelsOf(row)
      const models = new Map([...all].filter(([, model]) => isModelId(model)))
      if (models.size < all.size) {
        const others = [...all].filter(([model]) => !models.has(model)).map(([model]) => model)
        note('dropped', `${others.join(', ')}: a name with blanks cannot be written as \`provider/model\``)
      }
      for (const part of channelProvider(row, type, [...models.values()], note)) {
        const problem = providerProblem(part.provider)
        if (problem !== null) {
          note('dropped', `nobody can be called: ${problem}`)
          continue
        }
        const wanted = providerName(textIn(row, 'name'))
        const name = freeName(
          wanted === 'provider' ? providerName(type.title) : wanted,
          (taken) => taken in providers || reserved.has(taken),
        )
        providers[name] = part.provider
        for (const secret of part.secrets) secrets.add(secret)
        const own = new Map([...models].filter(([, model]) => part.models.includes(model)))
        served.push({
          provider: name,
          models: own,
          groups: partsOf(textIn(row, 'group') || 'default'),
          priority: integerIn(row, 'priority'),
          weight: usesWeights ? integerIn(row, 'weight') : 0,
        })
        note(
          'carried',
          `provider \`${name}\` (preset \`${String(part.provider['preset'])}\`) with ${own.size} model${own.size === 1 ? '' : 's'}`,
        )
      }
    }
  }
  return { providers, routes: routesOf(served, findings), findings, secrets, modelsOf: groupModels(served) }
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
    const next = mapping[found]
    if (typeof next !== 'string' || next.trim() === '') break
    found = next.trim()
  }
  return found
}

function routesOf(served: readonly Served[], findings: Finding[]): Readonly<Record<string, RouteDraft>> {
  const names = [...new Set(served.flatMap(({ models }) => [...models.keys()]))].toSorted()
  const routes: Record<string, RouteDraft> = {}
  const allGroups = new Set(served.flatMap(({ groups }) => groups))
  for (const model of names) {
    const place = `model ${model}`
    const note = (message: string) => void findings.push({ outcome: 'changed', place, line: null, message })
    const name = routeName(model)
    if (name === '' || Object.hasOwn(routes, name)) {
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
    routes[name] = {
      ...(first.length > 1 ? { strategy: 'weighted' } : {}),
      targets,
      ...(later.length === 0 ? {} : { fallbacks: later.map(useOf) }),
    }
    const differ = new Set(channels.map(({ groups }) => groups.toSorted().join()))
    if (differ.size > 1 && allGroups.size > 1)
      note('each group had channels of its own for it: here one route serves all groups that may use it')
  }
  return routes
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
