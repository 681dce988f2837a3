// `fallbacks` of LiteLLM's file and its likes → who steps in on our routes. Routes may not lead back to themselves here: where two step in
// for each other there, the second names the targets of the first one by one.
import type { Path } from '../config/problem.ts'
import { literal, type RouteDraft, routeName, type TargetDraft } from './draft.ts'
import type { FileNotes } from './finding.ts'
import type { Providers } from './litellm-providers.ts'
import { listOf, mappingOf } from './litellm-values.ts'
import { rowOf } from './table.ts'

export type Routes = Map<string, RouteDraft>

export type Names = {
  readonly routes: Routes
  readonly answers: ReadonlyMap<string, string>
  readonly aliases: Readonly<Record<string, string>>
  readonly providers: Providers
}

/** Names of the lists → the field of a route that they become. */
const FALLBACK_LISTS: Readonly<Record<string, 'fallbacks' | 'context_length' | 'content_filter'>> = {
  fallbacks: 'fallbacks',
  context_window_fallbacks: 'context_length',
  content_policy_fallbacks: 'content_filter',
}

/** Adds to the routes; a name that nobody answers to is noted as dropped. */
export function addFallbacks(known: Names, root: Readonly<Record<string, unknown>>, notes: FileNotes): void {
  for (const section of ['litellm_settings', 'router_settings']) {
    const settings = mappingOf(root[section])
    for (const [name, field] of Object.entries(FALLBACK_LISTS))
      listOf(settings[name]).forEach((item, index) => {
        for (const [group, others] of Object.entries(mappingOf(item)))
          addList(known, { group, others: listOf(others), field, path: [section, name, index, group] }, notes)
      })
    const path = [section, 'default_fallbacks']
    const others = listOf(settings['default_fallbacks'])
    if (others.length > 0) addList(known, { group: '*', others, field: 'fallbacks', path }, notes)
  }
}

type FallbackList = {
  readonly group: string
  readonly others: readonly unknown[]
  readonly field: 'fallbacks' | 'context_length' | 'content_filter'
  readonly path: Path
}

function addList(known: Names, { group, others, field, path }: FallbackList, notes: FileNotes): void {
  const own = known.answers.get(group)
  const names = group === '*' ? withoutOwn(known, field) : own !== undefined && known.routes.has(own) ? [own] : []
  if (names.length === 0) {
    notes.dropped(path, group === '*' ? 'every route has fallbacks of its own' : `there is no route for \`${group}\``)
    return
  }
  const missing = others.filter((other) => typeof other !== 'string' || targetOf(known, other) === null)
  for (const other of missing)
    notes.dropped(
      path,
      typeof other === 'string'
        ? `there is no group \`${other}\``
        : 'a fallback with parameters of its own: only names can step in',
    )
  let isNamedDirectly = false
  for (const name of names)
    for (const other of others) {
      const target = typeof other === 'string' ? targetOf(known, other) : null
      if (target === null || target === name) continue
      const route = known.routes.get(target)
      const isCircle = route !== undefined && leadsTo(known.routes, target, name)
      isNamedDirectly ||= isCircle
      add(known.routes, name, field, isCircle ? route.targets : [literal(target)])
    }
  const words = field === 'fallbacks' ? 'fallbacks' : `on.${field}`
  if (isNamedDirectly)
    notes.changed(path, `${words}; the targets are named one by one where two routes step in for each other`)
  else if (missing.length < others.length)
    notes.carried(path, `${words} of ${names.map((name) => `\`${name}\``).join(', ')}`)
}

/** Routes that no list of theirs was given for. */
function withoutOwn({ routes }: Names, field: FallbackList['field']): readonly string[] {
  const has = (route: RouteDraft) => (field === 'fallbacks' ? route.fallbacks : route.on?.[field]) !== undefined
  return [...routes].filter(([, route]) => !has(route)).map(([name]) => name)
}

function targetOf({ routes, answers, aliases, providers }: Names, name: string): string | null {
  const aliased = rowOf(aliases, routeName(name))
  const found = aliased ?? answers.get(name) ?? wildcardTarget(name, providers)
  return found === null || found === undefined ? null : routes.has(found) || found.includes('/') ? found : null
}

/** Whether following targets and fallbacks from one route comes to the other. */
function leadsTo(routes: Routes, from: string, to: string, seen = new Set<string>()): boolean {
  if (from === to) return true
  if (seen.has(from)) return false
  seen.add(from)
  const route = routes.get(from)
  if (route === undefined) return false
  const next = [...route.targets, ...(route.fallbacks ?? []), ...Object.values(route.on ?? {}).flat()]
  return next.some((target) => leadsTo(routes, useOf(target), to, seen))
}

function add(routes: Routes, name: string, field: FallbackList['field'], targets: readonly TargetDraft[]): void {
  const route = routes.get(name)!
  const known = (field === 'fallbacks' ? route.fallbacks : route.on?.[field]) ?? []
  const uses = new Set(known.map(useOf))
  const list = [...known, ...targets.map(useOf).filter((use) => !uses.has(use))]
  routes.set(
    name,
    field === 'fallbacks' ? { ...route, fallbacks: list } : { ...route, on: { ...route.on, [field]: list } },
  )
}

/** `openai/gpt-5` where `openai/*` is a group. */
export function wildcardTarget(name: string, { wildcards }: Providers): string | null {
  if (wildcards.some(({ provider }) => name.startsWith(`${provider}/`))) return name
  // `*` stands for all models of one host, by their own names.
  const all = wildcards.find(({ group }) => group === '*')
  return all === undefined || name.includes('*') ? null : `${all.provider}/${name}`
}

function useOf(target: TargetDraft): string {
  return typeof target === 'string' ? target : target.use
}
