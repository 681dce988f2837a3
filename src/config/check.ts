// What the schema alone cannot see: names that refer to each other, fields written twice, and settings that are allowed but odd.
import { checkAlerts } from './check-alerts.ts'
import { checkBudgets } from './check-budgets.ts'
import { CONFIG, type Config } from './schema.ts'
import { SETTING_SHORTHANDS } from './schema-providers.ts'
import type { Field, FieldShape, Issue } from './fields.ts'
import { checkRouteNames, oddRoutes } from './check-routes.ts'
import { didYouMean } from '../core/nearest.ts'
import { type Finding, mapping } from './finding.ts'
import { pathText, type Path } from './problem.ts'
import { isLoopback, parseListen } from './values.ts'

/** The field that a path leads to in a file that `root` reads, or null when there is none. */
export function fieldAt(path: Path, root: Field<unknown> = CONFIG): Field<unknown> | null {
  let field = root
  for (const part of path) {
    const inner = innerField(field.shape, part)
    if (inner === null) return null
    field = inner
  }
  return field
}

function innerField(shape: FieldShape, part: string | number): Field<unknown> | null {
  switch (shape.type) {
    case 'leaf':
      return null
    case 'section':
      return shape.fields.get(String(part))?.field ?? null
    case 'map':
    case 'list':
      return shape.item
  }
}

/** What should stand where a value of a file that `root` reads is wrong: what follows "expected". */
export function expectedBy(issue: Issue, root: Field<unknown> = CONFIG): string {
  if (issue.type === 'unknown_names') return `no field \`${issue.names.join('`, `')}\``
  if (issue.expected !== null) return issue.expected
  const field = fieldAt(issue.path, root)
  switch (field?.shape.type) {
    case 'list':
      return 'a list'
    case 'map':
      return 'a mapping of names to values'
    case 'section':
      return field.doc.kind === 'mapping' ? 'a mapping of names to values' : field.doc.kind
    case 'leaf':
    case undefined:
      throw new Error(`a leaf says itself what it expects, and that at ${pathText(issue.path)} does not`)
  }
}

/** Whether what stands at the path, above it or right below it must not be shown: `keys: sk-…` is a secret where a list belongs. */
export function isSecretPath(path: Path, root: Field<unknown> = CONFIG): boolean {
  if (path.some((_, index) => fieldAt(path.slice(0, index + 1), root)?.doc.secret === true)) return true
  const shape = fieldAt(path, root)?.shape
  return (shape?.type === 'list' || shape?.type === 'map') && shape.item.doc.secret
}

/** An unknown name in a section: with the nearest known one, or with all of them. */
export function unknownName(path: Path, name: string, root: Field<unknown> = CONFIG): Finding {
  const shape = fieldAt(path, root)?.shape
  const fields = shape?.type === 'section' ? shape.fields : new Map<string, never>()
  const synonym = [...fields].find(([, field]) => field.field.doc.synonyms.includes(name.toLowerCase()))
  const listed = [...new Set([...fields.values()].map((field) => field.main))].join(', ')
  const where = path.length === 0 ? (root === CONFIG ? 'the config' : 'the file') : `\`${pathText(path)}\``
  return {
    path: [...path, name],
    at: 'name',
    message: `there is no field \`${name}\` in ${where}`,
    hint:
      synonym === undefined ? (didYouMean(name, fields.keys()) ?? `Known: ${listed}.`) : `Did you mean ${synonym[0]}?`,
  }
}

/** Problems of the file's value as it was written, valid or not. `others`: the providers of a file that names none; null: unknown. */
export function checkNames(value: unknown, others: readonly string[] | null): Finding[] {
  const root = mapping(value)
  const providers = mapping(root['providers'])
  const findings = doubled(CONFIG, value, [])
  for (const [name, provider] of Object.entries(providers)) {
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name))
      findings.push({
        path: ['providers', name],
        at: 'name',
        message: `\`${name}\` is no name for a provider`,
        hint: 'Use letters, digits, dots, dashes and underscores; it is the part before the slash in `provider/model`.',
      })
    const settings = mapping(mapping(provider)['settings'])
    for (const short of SETTING_SHORTHANDS)
      if (Object.hasOwn(mapping(provider), short) && Object.hasOwn(settings, short))
        findings.push(twice(['providers', name, short], short, `settings.${short}`))
  }
  const names = Object.keys(providers)
  const known = names.length > 0 ? new Set(names) : others === null ? null : new Set(others)
  return [...findings, ...checkRouteNames(root, known), ...checkBudgets(root), ...checkAlerts(root)]
}

// A field with two spellings (`total: 5s`, `total_ms: 5000`) may be written once.
function doubled(field: Field<unknown>, value: unknown, path: Path): Finding[] {
  const { shape } = field
  switch (shape.type) {
    case 'leaf':
      return []
    case 'list':
      return Array.isArray(value)
        ? value.flatMap((item: unknown, index) => doubled(shape.item, item, [...path, index]))
        : []
    case 'map':
      return Object.entries(mapping(value)).flatMap(([name, item]) => doubled(shape.item, item, [...path, name]))
    case 'section':
      return Object.entries(mapping(value)).flatMap(([name, item]) => {
        const named = shape.fields.get(name)
        if (named === undefined) return []
        const again = name !== named.main && Object.hasOwn(mapping(value), named.main)
        return [
          ...(again ? [twice([...path, name], named.main, name)] : []),
          ...doubled(named.field, item, [...path, name]),
        ]
      })
  }
}

function twice(path: Path, one: string, other: string): Finding {
  return { path, at: 'name', message: `\`${one}\` and \`${other}\` are the same field`, hint: 'Keep one of the two.' }
}

/** Problems between valid values. */
export function checkValues(config: Config): Finding[] {
  const listen = parseListen(config.server.listen)
  const admin = parseListen(config.server.adminListen)
  if (listen === null || admin === null || listen.port !== admin.port || listen.port === 0) return []
  const everywhere = [listen.host, admin.host].some((host) => host === '' || host === '0.0.0.0' || host === '::')
  if (listen.host !== admin.host && !everywhere) return []
  return [
    {
      path: ['server', 'admin_listen'],
      at: 'value',
      message: `the admin listener would take the clients’ port ${listen.port}`,
      hint: 'Give `server.listen` and `server.admin_listen` different ports.',
    },
  ]
}

/** What is allowed, and probably not meant. */
export function checkOddities(config: Config): Finding[] {
  const findings: Finding[] = []
  const odd = (path: Path, message: string) => findings.push({ path, at: 'value', message, hint: null })
  const admin = parseListen(config.server.adminListen)
  if (admin !== null && !isLoopback(admin.host))
    odd(
      ['server', 'admin_listen'],
      'other machines can reach the admin API: make sure that a firewall or a proxy stands in front of it',
    )
  findings.push(...oddRoutes(config.routes))
  for (const [name, provider] of Object.entries(config.providers))
    for (const [model, { price }] of Object.entries(provider.models ?? {}))
      for (const unit of ['input', 'output'] as const) {
        const dollars = Number(price?.[unit] ?? 0)
        // Prices copied from a table in dollars per token are a million times too small.
        if (dollars > 0 && dollars < 0.0001)
          odd(
            ['providers', name, 'models', model, 'price', unit],
            `$${price?.[unit]} per million is next to nothing: prices are per million, not per token`,
          )
      }
  return findings
}
