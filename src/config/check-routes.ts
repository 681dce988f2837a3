// What the schema alone cannot see of routes and aliases: names that lead nowhere, clash, or lead back to themselves.
import { didYouMean } from '../core/nearest.ts'
import { type Finding, mapping } from './finding.ts'
import type { Path } from './problem.ts'
import type { RouteConfig } from './schema-routes.ts'

type Names = {
  /** Null: not known. */
  readonly providers: ReadonlySet<string> | null
  readonly routes: ReadonlySet<string>
  readonly aliases: ReadonlySet<string>
}

/** Where one target of a route stands, and what it names. */
type Use = { readonly path: Path; readonly use: string }

const CAUSES = ['context_length', 'content_filter', 'rate_limit', 'budget'] as const

/** Problems of `routes` and `aliases` as they were written, valid or not. */
export function checkRouteNames(
  root: Readonly<Record<string, unknown>>,
  providers: ReadonlySet<string> | null,
): Finding[] {
  const routes = mapping(root['routes'])
  const aliases = mapping(root['aliases'])
  const names: Names = { providers, routes: new Set(Object.keys(routes)), aliases: new Set(Object.keys(aliases)) }
  return [
    ...Object.entries(routes).flatMap(([name, route]) => checkRoute(name, route, names)),
    ...Object.entries(aliases).flatMap(([alias, meant]) => checkAlias(alias, meant, aliases, names)),
    ...checkCircles(routes, aliases),
  ]
}

function checkRoute(name: string, route: unknown, names: Names): Finding[] {
  const path = ['routes', name]
  const findings = checkName(path, name, 'a route', names)
  const fields = mapping(route)
  const { targets } = fields
  const hasTasks = Object.keys(mapping(fields['by_task'])).length > 0
  if ((targets === undefined || (Array.isArray(targets) && targets.length === 0)) && !hasTasks)
    findings.push({
      path: targets === undefined ? path : [...path, 'targets'],
      at: 'value',
      message: 'a route needs at least one target',
      hint: 'Write `targets: [provider/model]`, or `by_task` with a `default`.',
    })
  if (hasTasks && targets === undefined && !Object.hasOwn(mapping(fields['by_task']), 'default'))
    findings.push({
      path: [...path, 'by_task'],
      at: 'value',
      message: 'nothing answers the tasks that are not named here',
      hint: 'Add `default`, or `targets`.',
    })
  for (const { path: at, use } of usesOf(path, route)) findings.push(...checkUse(at, use, 'target', names))
  return findings
}

function checkName(path: Path, name: string, what: string, { providers }: Names): Finding[] {
  const findings: Finding[] = []
  if (!/^[\w.:@+-]+(?:\/[\w.:@+-]+)*$/.test(name) || name.length > 200)
    findings.push({
      path,
      at: 'name',
      message: `${JSON.stringify(name.slice(0, 60))} is no name for ${what}`,
      hint: 'Use letters, digits and `. : @ + - _`, with slashes in between; it is what clients write as `model`.',
    })
  const clash = name.split('/')[0]!
  if (providers?.has(clash) === true)
    findings.push({
      path,
      at: 'name',
      message: `the ${what.slice(what.indexOf(' ') + 1)} \`${name}\` clashes with the provider \`${clash}\`: \`${clash}/…\` names its models`,
      hint: 'Rename one of the two.',
    })
  return findings
}

function checkUse(path: Path, use: string, what: string, { providers, routes, aliases }: Names): Finding[] {
  const slash = use.indexOf('/')
  const provider = use.slice(0, slash)
  // What has no slash may be a model that several providers have: the catalogue knows.
  if (providers === null || slash < 1 || routes.has(use) || aliases.has(use) || providers.has(provider)) return []
  const hint = didYouMean(provider, providers) ?? `Configured: ${[...providers].slice(0, 20).join(', ') || 'none'}.`
  const message = `the ${what} \`${use}\` names the provider \`${provider}\`, which is not configured`
  return [{ path, at: 'value', message, hint }]
}

function checkAlias(
  alias: string,
  meant: unknown,
  aliases: Readonly<Record<string, unknown>>,
  names: Names,
): Finding[] {
  const path = ['aliases', alias]
  const findings = checkName(path, alias, 'an alias', names)
  if (names.routes.has(alias))
    findings.push({ path, at: 'name', message: `\`${alias}\` is a route already`, hint: 'Rename one of the two.' })
  if (typeof meant !== 'string') return findings
  if (Object.hasOwn(aliases, meant))
    findings.push({
      path,
      at: 'value',
      message: `\`${meant}\` is an alias itself`,
      hint: 'Name the route or the model that is meant.',
    })
  else findings.push(...checkUse(path, meant, 'alias', names))
  return findings
}

/** Every target that a route names, wherever it stands in it. */
function usesOf(path: Path, route: unknown): Use[] {
  const fields = mapping(route)
  const on = mapping(fields['on'])
  const lists: readonly (readonly [Path, unknown])[] = [
    [[...path, 'targets'], fields['targets']],
    [[...path, 'fallbacks'], fields['fallbacks']],
    ...CAUSES.map((cause) => [[...path, 'on', cause], on[cause]] as const),
  ]
  return [
    ...lists.flatMap(([at, list]) =>
      Array.isArray(list) ? list.flatMap((target: unknown, index) => useOf([...at, index], target)) : [],
    ),
    ...Object.entries(mapping(fields['by_task'])).flatMap(([task, target]) =>
      useOf([...path, 'by_task', task], target),
    ),
  ]
}

function useOf(path: Path, target: unknown): Use[] {
  const use = typeof target === 'string' ? target : mapping(target)['use']
  return typeof use === 'string' ? [{ path, use }] : []
}

/** Routes that lead back to themselves, each circle once. */
function checkCircles(
  routes: Readonly<Record<string, unknown>>,
  aliases: Readonly<Record<string, unknown>>,
): Finding[] {
  const findings: Finding[] = []
  const done = new Set<string>()
  const visit = (name: string, way: readonly string[]): void => {
    for (const { path, use } of usesOf(['routes', name], routes[name])) {
      const next = Object.hasOwn(aliases, use) ? String(aliases[use]) : use
      if (!Object.hasOwn(routes, next) || done.has(next)) continue
      const start = [...way, name].indexOf(next)
      if (start < 0) visit(next, [...way, name])
      else
        findings.push({
          path,
          at: 'value',
          message: `the routes lead in a circle: ${[...way, name].slice(start).join(' → ')} → ${next}`,
          hint: 'A route may name other routes, but not itself.',
        })
    }
    done.add(name)
  }
  for (const name of Object.keys(routes)) if (!done.has(name)) visit(name, [])
  return findings
}

/** What is allowed in routes, and probably not meant. */
export function oddRoutes(routes: Readonly<Record<string, RouteConfig>>): Finding[] {
  const findings: Finding[] = []
  for (const [name, route] of Object.entries(routes)) {
    const odd = (index: number, message: string): void =>
      void findings.push({ path: ['routes', name, 'targets', index], at: 'value', message, hint: null })
    const seen = new Set<string>()
    route.targets.forEach(({ use, weight, when, unless }, index) => {
      if (seen.has(use) && when === undefined && unless === undefined)
        odd(index, `the target \`${use}\` stands here twice`)
      seen.add(use)
      if (weight !== 1 && route.strategy !== 'weighted' && route.strategy !== 'least-busy')
        odd(index, 'a weight counts only with `strategy: weighted` or `least-busy`')
    })
  }
  return findings
}
