import { expect, test } from 'bun:test'
import { NO_FACTS } from '../core/model-facts.ts'
import { CatalogueError } from './build-routes.ts'
import { createCatalogue } from './catalogue.ts'
import type { CatalogueInput } from './catalogue.ts'
import type { Target } from './route.ts'
import { routeDefinition, TEST_QUALITY, testCatalogue, testProvider } from './testing.ts'
import type { RouteInput } from './testing.ts'

function catalogueOf(
  routes: Readonly<Record<string, RouteInput>> = {},
  more: Partial<CatalogueInput> = {},
): ReturnType<typeof createCatalogue> {
  return createCatalogue({
    providers: [testProvider('one'), testProvider('two'), testProvider('sim')],
    models: new Map([
      ['one', ['alpha', 'beta', 'gpt-4o', 'claude-sonnet-4-5']],
      ['two', ['alpha', 'org/gamma', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'gpt-4o-2024-05-13']],
      ['sim', ['small']],
    ]),
    routes: Object.entries(routes).map(([name, input]) => routeDefinition(name, input)),
    aliases: {},
    factsOf: () => NO_FACTS,
    closed: new Set(['sim']),
    quality: TEST_QUALITY,
    reputationOf: () => null,
    ...more,
  })
}

function idOf(target: Target): string {
  return target.type === 'deployment'
    ? `${target.deployment.id}*${target.weight}`
    : `(${target.route.name})*${target.weight}`
}

function targets(name: string, routes: Readonly<Record<string, RouteInput>> = {}): string[] | null {
  return catalogueOf(routes).resolve(name)?.targets.map(idOf) ?? null
}

for (const [title, name, expected] of [
  ['provider/model', 'one/alpha', ['one/alpha*1']],
  ['a bare id at every provider that has it', 'alpha', ['one/alpha*1', 'two/alpha*1']],
  ['a model id with a slash behind its provider', 'two/org/gamma', ['two/org/gamma*1']],
  ['a bare model id with a slash', 'org/gamma', ['two/org/gamma*1']],
  ['a model that the provider has but nobody here knows', 'one/brand-new', ['one/brand-new*1']],
  ['a model that the simulator does not have', 'sim/brand-new', null],
  ['an unknown bare id', 'delta', null],
  ['an unknown provider', 'three/alpha', null],
  ['a provider without model', 'one/', null],
  ['a slash', '/', null],
  [
    'one model under the names of several hosts',
    'claude-sonnet-4-5',
    ['one/claude-sonnet-4-5*1', 'two/us.anthropic.claude-sonnet-4-5-20250929-v1:0*1'],
  ],
  [
    'a snapshot at the hosts that know it, or the undated name of it',
    'claude-sonnet-4-5-20250929',
    ['one/claude-sonnet-4-5-20250929*1', 'two/us.anthropic.claude-sonnet-4-5-20250929-v1:0*1'],
  ],
  ['a snapshot never as another snapshot', 'gpt-4o-2024-08-06', ['one/gpt-4o-2024-08-06*1']],
  [
    'a host’s name with its vendor',
    'anthropic/claude-sonnet-4.5',
    ['one/claude-sonnet-4-5*1', 'two/us.anthropic.claude-sonnet-4-5-20250929-v1:0*1'],
  ],
] as const)
  test(`a name resolves: ${title}`, () => expect(targets(name)).toEqual(expected as string[] | null))

const chat: RouteInput = { strategy: 'weighted', targets: [{ use: 'one/beta', weight: 3 }, 'alpha'] }

test('a route comes before models of its name, and a bare id in it means every provider', () => {
  expect(targets('chat', { chat })).toEqual(['one/beta*3', 'one/alpha*1', 'two/alpha*1'])
  expect(targets('alpha', { alpha: { targets: ['one/beta'] } })).toEqual(['one/beta*1'])
})

test('a route may be a target of another, wherever it is defined', () => {
  expect(targets('outer', { outer: { targets: [{ use: 'chat', weight: 2 }, 'one/alpha'] }, chat })).toEqual([
    '(chat)*2',
    'one/alpha*1',
  ])
})

test('`auto` is a route that is always there: by quality, of what the routes name, or of all chat models', () => {
  const auto = catalogueOf({ chat: { targets: ['one/beta'], fallbacks: ['two/alpha'] } }).resolve('auto')
  expect([auto?.strategy, auto?.targets.map(idOf)]).toEqual(['quality', ['one/beta*1', 'two/alpha*1']])
  expect(catalogueOf().resolve('auto')?.targets.length).toBe(9)
  const kinds = {
    factsOf: (_: unknown, model: string) => ({ ...NO_FACTS, kind: model === 'beta' ? ('embedding' as const) : null }),
  }
  expect(catalogueOf({}, kinds).resolve('auto')?.targets.map(idOf)).not.toContain('one/beta*1')
  expect(
    catalogueOf({ auto: { targets: ['one/beta'] } })
      .resolve('auto')
      ?.targets.map(idOf),
  ).toEqual(['one/beta*1'])
})

test('the baseline of `auto` is the one that is named, else the most reputed, else nobody', () => {
  const baseline = (more: Partial<CatalogueInput>) => catalogueOf({}, more).resolve('auto')?.quality?.baseline
  const reputationOf = (id: string) => (id === 'two/alpha' ? 0.9 : id === 'one/alpha' ? 0.4 : null)
  expect(baseline({})).toBeNull()
  expect(baseline({ reputationOf })).toBe('two/alpha')
  expect(baseline({ reputationOf, quality: { ...TEST_QUALITY, baseline: 'one/beta' } })).toBe('one/beta')
  expect(() => baseline({ quality: { ...TEST_QUALITY, baseline: 'one/x' } })).toThrow(CatalogueError)
})

test('an alias is the route or the model that it stands for, as a name and as a target', () => {
  const catalogue = catalogueOf({ chat, r: { targets: ['best'] } }, { aliases: { 'gpt-4': 'chat', best: 'one/beta' } })
  expect(catalogue.resolve('gpt-4')?.name).toBe('chat')
  expect(catalogue.resolve('best')?.targets.map(idOf)).toEqual(['one/beta*1'])
  expect(catalogue.resolve('r')?.targets.map(idOf)).toEqual(['one/beta*1'])
  expect(catalogue.list().slice(0, 4)).toEqual(['chat', 'r', 'gpt-4', 'best'].map((id) => ({ id, ownedBy: 'weir' })))
})

for (const [title, routes, aliases, path] of [
  ['a target', { r: { targets: ['nowhere/x'] } }, {}, 'routes.r.targets.0'],
  ['a fallback', { r: { targets: ['one/beta'], fallbacks: ['nowhere'] } }, {}, 'routes.r.fallbacks.0'],
  ['a task', { r: { byTask: { code: 'nowhere' } } }, {}, 'routes.r.by_task.code'],
  ['a circle', { r: { targets: ['s'] }, s: { targets: ['r'] } }, {}, 'routes.s.targets.0'],
  ['an alias', {}, { x: 'nowhere' }, 'aliases.x'],
] as const)
  test(`what leads nowhere is refused with its path: ${title}`, () => {
    let caught: unknown = null
    try {
      catalogueOf(routes, { aliases })
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(CatalogueError)
    expect((caught as CatalogueError).path).toBe(path)
  })

test('the list names routes and every known model, with its owner', () => {
  expect(
    testCatalogue({ chat: { targets: ['a/m'] } })
      .list()
      .slice(0, 3),
  ).toEqual([
    { id: 'chat', ownedBy: 'weir' },
    { id: 'a/m', ownedBy: 'a' },
    { id: 'a/n', ownedBy: 'a' },
  ])
})

test('the nearest names are offered, with or without the provider', () => {
  const catalogue = catalogueOf()
  const names = catalogue.list().map(({ id }) => id)
  expect(catalogue.nearest('one/alfa', names)[0]).toBe('one/alpha')
  expect(catalogue.nearest('smal', names)).toContain('sim/small')
  expect(catalogue.nearest('something-entirely-else', names)).toEqual([])
})

test('invented names are not remembered', () => {
  const catalogue = catalogueOf()
  const known = catalogue.list().length
  for (let index = 0; index < 10_000; index++) catalogue.resolve(`one/invented-${index}`)
  expect(catalogue.list().length).toBe(known)
  expect(catalogue.resolve('one/alpha')).toBe(catalogue.resolve('one/alpha'))
  for (const name of [
    'one/invented-1',
    'Claude-Sonnet-4-5',
    'anthropic/claude-sonnet-4.5',
    'claude-sonnet-4-5-20250929',
  ])
    expect(catalogue.resolve(name)).not.toBe(catalogue.resolve(name))
})
