import { expect, test } from 'bun:test'
import { NO_FACTS } from '../core/model-facts.ts'
import type { Provider } from '../core/model.ts'
import { CatalogueError, createCatalogue } from './catalogue.ts'
import type { CatalogueInput } from './catalogue.ts'

function provider(name: string): Provider {
  return {
    name,
    preset: name,
    wire: 'openai',
    baseUrl: 'http://127.0.0.1:1',
    credentials: [],
    auth: { type: 'none' },
    headers: {},
    quirks: {},
    timeouts: { connectMs: 1, firstTokenMs: 1, idleMs: 1, totalMs: 1 },
    proxy: null,
    ca: null,
    allowPrivate: true,
    settings: {},
    limits: { rpm: null, tpm: null },
  }
}

function catalogueOf(routes: CatalogueInput['routes'] = []) {
  return createCatalogue({
    providers: [provider('one'), provider('two'), provider('sim')],
    models: new Map([
      ['one', ['alpha', 'beta']],
      ['two', ['alpha', 'org/gamma']],
      ['sim', ['small']],
    ]),
    routes,
    factsOf: () => NO_FACTS,
    closed: new Set(['sim']),
  })
}

function targets(name: string, routes: CatalogueInput['routes'] = []): string[] | null {
  const route = catalogueOf(routes).resolve(name)
  return route === null ? null : route.targets.map(({ deployment, weight }) => `${deployment.id}*${weight}`)
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
] as const)
  test(`a name resolves: ${title}`, () => expect(targets(name)).toEqual(expected as string[] | null))

const chat = {
  name: 'chat',
  strategy: 'weighted',
  targets: [
    { use: 'one/beta', weight: 3 },
    { use: 'alpha', weight: 1 },
  ],
  timeouts: {},
} as const

test('a route comes before models of its name, and a bare id in it means every provider', () => {
  expect(targets('chat', [chat])).toEqual(['one/beta*3', 'one/alpha*1', 'two/alpha*1'])
})

test('a route that leads nowhere is refused with its path', () => {
  const wrong = { ...chat, targets: [{ use: 'nowhere/x', weight: 1 }] }
  expect(() => catalogueOf([wrong])).toThrow(CatalogueError)
  try {
    catalogueOf([wrong])
  } catch (error) {
    expect((error as CatalogueError).path).toBe('routes.chat.targets.0')
  }
})

test('the list names routes and every known model, with its owner', () => {
  expect(catalogueOf([chat]).list()).toEqual([
    { id: 'chat', ownedBy: 'weir' },
    { id: 'one/alpha', ownedBy: 'one' },
    { id: 'one/beta', ownedBy: 'one' },
    { id: 'two/alpha', ownedBy: 'two' },
    { id: 'two/org/gamma', ownedBy: 'two' },
    { id: 'sim/small', ownedBy: 'sim' },
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
  for (let index = 0; index < 10_000; index++) catalogue.resolve(`one/invented-${index}`)
  expect(catalogue.list().length).toBe(5)
  expect(catalogue.resolve('one/alpha')).toBe(catalogue.resolve('one/alpha'))
  expect(catalogue.resolve('one/invented-1')).not.toBe(catalogue.resolve('one/invented-1'))
})
