import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openTestAdmin, type TestAdmin } from './testing.ts'

type Node = { readonly [field: string]: unknown }
type Operation = { readonly method: string; readonly path: string; readonly operation: Node }

let admin: TestAdmin
let description: Node
let operations: readonly Operation[]

beforeAll(async () => {
  admin = await openTestAdmin()
  description = (await admin.call('GET /admin/openapi.json', { token: null })).json
  operations = Object.entries(node(description['paths'])).flatMap(([path, item]) =>
    Object.entries(node(item)).map(([method, operation]) => ({ method, path, operation: node(operation) })),
  )
})
afterAll(() => admin.store.close())

test('it is OpenAPI 3.1 with a title and a version', () =>
  expect(description).toMatchObject({ openapi: '3.1.0', info: { title: 'Weir admin API', version: '0.1.0' } }))

test('it says the same when asked again', async () =>
  expect((await admin.call('GET /admin/openapi.json', { token: null })).json).toEqual(description))

test('it describes every route that exists', () => {
  expect(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).toSorted()).toEqual([
    'DELETE /admin/budgets/{id}',
    'DELETE /admin/cache',
    'DELETE /admin/codes/{id}',
    'DELETE /admin/drills/{id}',
    'DELETE /admin/experiments/{id}',
    'DELETE /admin/groups/{name}',
    'DELETE /admin/keys/{id}',
    'DELETE /admin/prompts',
    'DELETE /admin/teams/{id}',
    'DELETE /admin/tokens/{id}',
    'DELETE /admin/users/{id}',
    'GET /',
    'GET /admin/alerts',
    'GET /admin/budgets',
    'GET /admin/budgets/{id}',
    'GET /admin/cache',
    'GET /admin/codes',
    'GET /admin/config',
    'GET /admin/credits',
    'GET /admin/drills',
    'GET /admin/drills/{id}',
    'GET /admin/experiments',
    'GET /admin/experiments/next',
    'GET /admin/experiments/{id}',
    'GET /admin/experiments/{id}/audit',
    'GET /admin/groups',
    'GET /admin/health',
    'GET /admin/keys',
    'GET /admin/keys/{id}',
    'GET /admin/labels',
    'GET /admin/labels/open',
    'GET /admin/models',
    'GET /admin/prices',
    'GET /admin/prices/changes',
    'GET /admin/prices/feeds',
    'GET /admin/quality',
    'GET /admin/quality/days',
    'GET /admin/quality/drift',
    'GET /admin/reports/forecast',
    'GET /admin/reports/sales',
    'GET /admin/reports/spend',
    'GET /admin/reports/statement',
    'GET /admin/requests',
    'GET /admin/requests/{id}',
    'GET /admin/requests/{id}/prompt',
    'GET /admin/teams',
    'GET /admin/teams/{id}',
    'GET /admin/tokens',
    'GET /admin/users',
    'GET /admin/users/{id}',
    'GET /admin/users/{id}/credits',
    'GET /healthz',
    'GET /metrics',
    'GET /readyz',
    'PATCH /admin/budgets/{id}',
    'PATCH /admin/experiments/{id}',
    'PATCH /admin/groups/{name}',
    'PATCH /admin/keys/{id}',
    'PATCH /admin/teams/{id}',
    'PATCH /admin/users/{id}',
    'POST /admin/alerts/test',
    'POST /admin/budgets',
    'POST /admin/budgets/{id}/raise',
    'POST /admin/codes',
    'POST /admin/config/reload',
    'POST /admin/drills',
    'POST /admin/experiments',
    'POST /admin/experiments/{id}/pause',
    'POST /admin/experiments/{id}/promote',
    'POST /admin/experiments/{id}/rollback',
    'POST /admin/experiments/{id}/start',
    'POST /admin/explain',
    'POST /admin/groups',
    'POST /admin/keys',
    'POST /admin/keys/{id}/rotate',
    'POST /admin/labels',
    'POST /admin/prices/refresh',
    'POST /admin/teams',
    'POST /admin/tokens',
    'POST /admin/users',
    'POST /admin/users/{id}/credits',
  ])
})

test('operation ids are unique', () => {
  const ids = operations.map(({ operation }) => operation['operationId'])
  expect(ids.every((id) => typeof id === 'string')).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
})

test('every answer has a schema, but for the empty ones', () => {
  for (const { method, path, operation } of operations) {
    const answers = Object.entries(node(operation['responses']))
    expect(answers.some(([status]) => status.startsWith('2'))).toBe(true)
    for (const [status, answer] of answers) {
      expect(node(answer)['description']).toBeString()
      const contents = Object.values(node(node(answer)['content'] ?? {}))
      expect([method, path, status, contents.length > 0]).toEqual([method, path, status, status !== '204'])
      for (const content of contents) expect(Object.keys(node(node(content)['schema'])).length).toBeGreaterThan(0)
    }
  }
})

test('every change of something describes its body, strictly', () => {
  const changing = operations.filter(
    ({ method, path }) => ['post', 'patch'].includes(method) && !/\/(?:reload|refresh)$/.test(path),
  )
  expect(changing.length).toBe(25)
  for (const { operation } of changing) {
    const schema = resolve(node(node(node(node(operation['requestBody'])['content'])['application/json'])['schema']))
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
  }
})

test('parameters of paths are declared, and only those', () => {
  for (const { path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const parameters = (operation['parameters'] ?? []) as readonly Node[]
    expect(parameters.filter((one) => one['in'] === 'path').map((one) => one['name'])).toEqual(named)
    for (const parameter of parameters) expect(node(parameter['schema'])['type']).toBeDefined()
  }
})

test('what may be null says so', () => {
  const { properties } = resolve({ $ref: '#/components/schemas/KeyChange' })
  for (const field of ['team', 'models', 'endpoints', 'addresses', 'expires_at'])
    expect([field, node(node(properties)[field])['type']]).toEqual([field, expect.arrayContaining(['null'])])
})

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(description).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? '')
  expect(references.length).toBeGreaterThan(10)
  for (const reference of references) expect(resolve({ $ref: reference })).toBeObject()
})

test('the guarded routes name the token that they want', () => {
  expect(node(node(description['components'])['securitySchemes'])).toMatchObject({ adminToken: { scheme: 'bearer' } })
  for (const { path, operation } of operations)
    if (path.startsWith('/admin/') || path === '/metrics') expect(operation['security']).toEqual([{ adminToken: [] }])
    else expect(operation['security']).toBeUndefined()
})

function node(value: unknown): Node {
  if (typeof value !== 'object' || value === null) throw new TypeError(`no object: ${String(value)}`)
  return value as Node
}

function resolve(schema: Node): Node {
  const reference = schema['$ref']
  if (typeof reference !== 'string') return schema
  return reference
    .replace('#/', '')
    .split('/')
    .reduce<Node>((at, part) => node(at[part]), description)
}
