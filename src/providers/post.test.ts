import { afterAll, expect, test } from 'bun:test'
import { systemClock } from '../core/clock.ts'
import { drivenClock } from './simulator/driven-clock.ts'
import { createGuard } from './guard.ts'
import { createPoster, type PostResult } from './post.ts'
import { createUpstream } from './upstream.ts'

const reached = Promise.withResolvers<void>()
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request) {
    const { pathname, search } = new URL(request.url)
    switch (pathname) {
      case '/taken':
        return new Response('ok')
      case '/empty':
        return new Response(null, { status: 204 })
      case '/later':
        return new Response('slow\n\u0007down', { status: 429, headers: { 'retry-after': '7' } })
      case '/elsewhere':
        return new Response(null, { status: 302, headers: { location: '/taken' } })
      case '/silent':
        reached.resolve()
        return new Promise<Response>(() => {})
      case '/endless':
        return new Response('x'.repeat(1_000_000), { status: 500 })
      default:
        return new Response(`Cannot POST ${pathname}${search}`, { status: 404 })
    }
  },
})
afterAll(() => server.stop(true))

function post(url: string, clock = systemClock): Promise<PostResult> {
  const upstream = createUpstream({
    clock,
    simulator: null,
    guard: createGuard({ resolve: async () => ['169.254.169.254'], clock }),
  })
  return createPoster(upstream, { now: () => clock.now() })({ url, headers: {}, body: '{}' })
}

test.each([
  ['/taken', { status: 200, problem: null, retryAfterMs: null }],
  ['/empty', { status: 204, problem: null, retryAfterMs: null }],
  ['/later', { status: 429, problem: 'it answered 429: slow down', retryAfterMs: 7_000 }],
  ['/elsewhere', { status: null, problem: 'it answered with a redirect (302)', retryAfterMs: null }],
  // Whoever knows the path may post: it is told to nobody.
  ['/services/T/B/secret?token=1', { status: 404, problem: 'it answered 404: Cannot POST …', retryAfterMs: null }],
  ['/endless', { status: 500, problem: 'it answered 500', retryAfterMs: null }],
])('a receiver at %s', async (path, result) => {
  expect(await post(`http://127.0.0.1:${server.port}${path}`)).toEqual(result)
})

test('a receiver that says nothing is not waited for any longer', async () => {
  const clock = drivenClock()
  const posted = post(`http://127.0.0.1:${server.port}/silent`, clock)
  await reached.promise
  expect(await clock.run(posted)).toEqual({
    status: null,
    problem: 'it did not answer in time',
    retryAfterMs: null,
  })
})

test('nobody is at the address', async () => {
  expect(await post('http://127.0.0.1:1/')).toEqual({
    status: null,
    problem: 'the connection was refused',
    retryAfterMs: null,
  })
})

test('a name that leads to a metadata service is not called', async () => {
  const { status, problem } = await post('http://receiver.example/')
  expect([status, problem]).toEqual([null, 'it is not called: its address is link-local'])
})
