// The examples of docs/routing.md are configurations that work.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { deploymentsOf } from '../src/routing/route.ts'
import { QUESTION, startGateway } from './gateway.ts'

const page = readFileSync(path.join(import.meta.dir, '..', 'docs', 'routing.md'), 'utf8')
const examples = Array.from(page.matchAll(/```yaml\n([\s\S]*?)```/g), (match) => match[1]!)

test('there are examples', () => expect(examples.length).toBeGreaterThan(3))

for (const [index, example] of examples.entries())
  test(`example ${index + 1} of docs/routing.md is read, and its routes resolve`, async () => {
    await using weir = await startGateway(example)
    const { catalogue } = weir.gateway.snapshot
    expect(catalogue.routes.length).toBeGreaterThan(0)
    for (const route of catalogue.routes) expect(deploymentsOf(route).length).toBeGreaterThan(0)
  })

test('the route of an example answers', async () => {
  await using weir = await startGateway(examples[2])
  const response = await weir.call('/v1/chat/completions', { ...QUESTION, model: 'support' })
  expect(response.status).toBe(200)
  expect(response.headers.get('x-weir-target')).toMatch(/^sim\//)
  await response.arrayBuffer()
})
