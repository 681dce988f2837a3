// Groups of LiteLLM's file → routes, aliases, and who steps in for whom.
import { literal, type RouteDraft, routeName, type TargetDraft } from './draft.ts'
import type { FileNotes } from './finding.ts'
import { addFallbacks, type Routes, wildcardTarget } from './litellm-fallbacks.ts'
import type { PlacedDeployment, Providers } from './litellm-providers.ts'
import { isOn, mappingOf, textOf } from './litellm-values.ts'
import { rowOf } from './table.ts'

/** What a weight may be at most. */
const MOST_WEIGHT = 1_000_000

type Params = Readonly<Record<string, unknown>>

export type LitellmRoutes = {
  readonly routes: Readonly<Record<string, RouteDraft>>
  readonly aliases: Readonly<Record<string, string>>
}

/** LiteLLM's words for how it chooses → strategies, and what is different. */
const STRATEGIES: Readonly<Record<string, { readonly strategy: string; readonly change: string | null }>> = {
  'simple-shuffle': { strategy: 'weighted', change: null },
  'least-busy': { strategy: 'least-busy', change: null },
  'latency-based-routing': { strategy: 'fastest', change: null },
  'cost-based-routing': {
    strategy: 'cheapest',
    change: 'by the expected cost of each request, not by the price of a token',
  },
  'usage-based-routing': {
    strategy: 'least-busy',
    change: 'by requests in flight instead of tokens used; `rpm` and `tpm` are kept all the same',
  },
  'usage-based-routing-v2': {
    strategy: 'least-busy',
    change: 'by requests in flight instead of tokens used; `rpm` and `tpm` are kept all the same',
  },
}

export function litellmRoutes(providers: Providers, root: Params, notes: FileNotes): LitellmRoutes {
  const router = mappingOf(root['router_settings'])
  const strategy = readStrategy(router, notes)
  const aliases = readAliases(router, notes)
  const byTag = isOn(router['enable_tag_filtering'])
  if (router['enable_tag_filtering'] !== undefined)
    notes.changed(
      ['router_settings', 'enable_tag_filtering'],
      'conditions of targets (`when: {tag: …}`); tags come in `x-weir-tags` or `metadata.tags`',
    )
  const routes: Routes = new Map()
  const answers = new Map<string, string>()
  for (const [group, members] of groupsOf(providers.deployments)) {
    const name = routeName(group)
    const own = members.find(({ target }) => target === name)
    const isProviders = Object.hasOwn(providers.drafts, name.split('/')[0]!)
    if (isProviders) {
      notePart(members, own, name, notes)
      if (own !== undefined) answers.set(group, name)
      continue
    }
    if (name === '' || routes.has(name)) {
      for (const { path } of members)
        notes.dropped([...path, 'model_name'], `\`${name}\` would be its name, which is none or taken`)
      continue
    }
    for (const { path } of members)
      if (name === group) notes.carried([...path, 'model_name'], `route \`${name}\``)
      else notes.changed([...path, 'model_name'], `\`${group}\` is no name for a route: clients write \`${name}\``)
    routes.set(name, routeOf(members, strategy, byTag, notes))
    answers.set(group, name)
  }
  const kept = keepAliases(aliases, routes, answers, providers, notes)
  addFallbacks({ routes, answers, aliases: kept, providers }, root, notes)
  const retries = readRetries(root, notes)
  const entries = [...routes].map(([name, route]): [string, RouteDraft] => [
    name,
    retries === null ? route : { ...route, retries },
  ])
  return { routes: Object.fromEntries(entries), aliases: kept }
}

function groupsOf(deployments: readonly PlacedDeployment[]): ReadonlyMap<string, readonly PlacedDeployment[]> {
  const groups = new Map<string, PlacedDeployment[]>()
  for (const deployment of deployments) {
    const members = groups.get(deployment.group)
    if (members === undefined) groups.set(deployment.group, [deployment])
    else members.push(deployment)
  }
  return groups
}

/** The group has the name of a provider that answers all models (`openai/*`): it cannot be a route beside it. */
function notePart(
  members: readonly PlacedDeployment[],
  own: PlacedDeployment | undefined,
  name: string,
  notes: FileNotes,
): void {
  for (const member of members)
    if (member === own) notes.carried([...member.path, 'model_name'], `the model \`${name}\` of the provider`)
    else
      notes.dropped(
        [...member.path, 'model_name'],
        `\`${name}\` is a model of the provider \`${name.split('/')[0]}\` here (because of \`${name.split('/')[0]}/*\`), and no route beside it: give it another name`,
      )
}

function routeOf(members: readonly PlacedDeployment[], strategy: string, byTag: boolean, notes: FileNotes): RouteDraft {
  const lowest = Math.min(...members.map(({ order }) => order ?? Number.POSITIVE_INFINITY))
  const isFirst = ({ order }: PlacedDeployment) => (order ?? Number.POSITIVE_INFINITY) === lowest
  const first = members.filter(isFirst)
  const later = members
    .filter((member) => !isFirst(member))
    .toSorted((one, two) => (one.order ?? Infinity) - (two.order ?? Infinity))
  const share = shareOf(first)
  const targets = new Map<string, { use: string; weight: number; when?: object }>()
  for (const member of members) {
    if (member.order !== null) notes.carried([...member.path, 'litellm_params', 'order'], 'place among the targets')
    if (member.shares.weight !== null)
      notes.carried([...member.path, 'litellm_params', 'weight'], 'weight of the target')
    noteTags(member, byTag, notes)
  }
  for (const member of first) {
    const when = whenOf(member, byTag)
    const same = JSON.stringify([member.target, when])
    const known = targets.get(same)
    const weight = share === null ? 1 : (member.shares[share] ?? 1)
    if (known === undefined) targets.set(same, { use: literal(member.target), weight, ...when })
    else known.weight += weight
  }
  const list = withinBounds([...targets.values()])
  const isWeighted = strategy === 'weighted' && list.length > 1
  const isEven = list.every(({ weight }) => weight === list[0]!.weight)
  const fallbacks = later.map((member) => withCondition(member.target, member, byTag))
  return {
    ...(list.length > 1 ? { strategy } : {}),
    targets: list.map(({ use, weight, ...when }) =>
      (isWeighted && !isEven) || Object.keys(when).length > 0
        ? { use, ...(isWeighted && !isEven ? { weight } : {}), ...when }
        : use,
    ),
    ...(fallbacks.length === 0 ? {} : { fallbacks }),
  }
}

/** Tokens a minute are larger numbers than weights may be: only their ratio counts. */
function withinBounds<T extends { readonly weight: number }>(targets: readonly T[]): readonly T[] {
  const most = Math.max(...targets.map(({ weight }) => weight))
  const scale = 10 ** Math.max(0, Math.ceil(Math.log10(most / MOST_WEIGHT)))
  return scale === 1 ? targets : targets.map((target) => ({ ...target, weight: target.weight / scale }))
}

/** LiteLLM shuffles by the first of these that a deployment of the group has. */
function shareOf(members: readonly PlacedDeployment[]): 'weight' | 'rpm' | 'tpm' | null {
  return (
    (['weight', 'rpm', 'tpm'] as const).find((share) => members.some(({ shares }) => shares[share] !== null)) ?? null
  )
}

function whenOf({ tags }: PlacedDeployment, byTag: boolean): { readonly when?: object } {
  return byTag && tags.length > 0 && !tags.includes('default') ? { when: { tag: tags.map(literal) } } : {}
}

function withCondition(use: string, member: PlacedDeployment, byTag: boolean): TargetDraft {
  const when = whenOf(member, byTag)
  return when.when === undefined ? literal(use) : { use: literal(use), ...when }
}

function noteTags({ tags, path }: PlacedDeployment, byTag: boolean, notes: FileNotes): void {
  const at = [...path, 'litellm_params', 'tags']
  if (tags.length === 0) return
  if (!byTag) notes.dropped(at, 'without `enable_tag_filtering` they only label, and targets have no labels here')
  else if (tags.includes('default')) notes.changed(at, 'the target takes all requests, not only those without a tag')
  else notes.carried(at, 'condition of the target')
}

function readStrategy(router: Params, notes: FileNotes): string {
  const path = ['router_settings', 'routing_strategy']
  const written = textOf(router['routing_strategy'])
  if (written === null) return 'weighted'
  const known = rowOf(STRATEGIES, written)
  if (known === undefined) {
    notes.changed(path, `\`${written}\` is not known; routes with several targets are \`weighted\``)
    return 'weighted'
  }
  if (known.change === null) notes.carried(path, `strategy: ${known.strategy}`)
  else notes.changed(path, `strategy: ${known.strategy}, ${known.change}`)
  return known.strategy
}

function readRetries(root: Params, notes: FileNotes): number | null {
  let found: number | null = null
  for (const section of ['router_settings', 'litellm_settings']) {
    const written = mappingOf(root[section])['num_retries']
    if (typeof written !== 'number' || !Number.isInteger(written) || written < 0) continue
    if (found !== null) {
      notes.dropped([section, 'num_retries'], '`router_settings.num_retries` counts')
      continue
    }
    found = Math.min(written, 5)
    notes.changed(
      [section, 'num_retries'],
      `retries: ${found} at one target; the other targets are tried besides, within a budget of retries`,
    )
  }
  return found
}

/** Alias → group, with the path of each. */
function readAliases(router: Params, notes: FileNotes): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [alias, value] of Object.entries(mappingOf(router['model_group_alias']))) {
    const path = ['router_settings', 'model_group_alias', alias]
    const meant = textOf(value) ?? textOf(mappingOf(value)['model'])
    if (meant === null) notes.dropped(path, 'it stands for nothing')
    else {
      found.set(alias, meant)
      if (mappingOf(value)['hidden'] === true) notes.changed([...path, 'hidden'], 'aliases are always listed')
    }
  }
  return found
}

function keepAliases(
  aliases: ReadonlyMap<string, string>,
  routes: Routes,
  answers: ReadonlyMap<string, string>,
  providers: Providers,
  notes: FileNotes,
): Readonly<Record<string, string>> {
  const kept = new Map<string, string>()
  for (const [alias, meant] of aliases) {
    const path = ['router_settings', 'model_group_alias', alias]
    const name = routeName(alias)
    const target = answers.get(meant) ?? wildcardTarget(meant, providers)
    if (target === name) notes.carried(path, 'the name of the group itself')
    else if (target === null) notes.dropped(path, `there is no group \`${meant}\``)
    else if (name === '' || kept.has(name)) notes.dropped(path, `\`${name}\` would be its name, which is none or taken`)
    else if (Object.hasOwn(providers.drafts, name.split('/')[0]!))
      notes.dropped(path, `\`${name}\` is a model of a provider here`)
    else {
      // LiteLLM looks at aliases first: the group of the same name is never asked.
      if (routes.delete(name)) notes.changed(path, `it takes the place of the group \`${alias}\``)
      else notes.carried(path, `alias of \`${target}\``)
      kept.set(name, literal(target))
    }
  }
  // An alias of a group whose name another alias took means what that one means.
  return Object.fromEntries([...kept].map(([name, target]) => [name, kept.get(target) ?? target]))
}
