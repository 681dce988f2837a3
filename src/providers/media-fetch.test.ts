import { describe, expect, test } from 'bun:test'
import { createGuard } from './guard.ts'
import { createMediaFetch, type MediaFetchOptions } from './media-fetch.ts'
import { drivenClock } from './simulator/driven-clock.ts'
import { createUpstream } from './upstream.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const HOSTS: Readonly<Record<string, string>> = {
  'pictures.example': '93.184.216.34',
  'inside.example': '10.0.0.7',
  'metadata.example': '169.254.169.254',
  'loop.example': '127.0.0.1',
}

type Served = {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array | string
}

/** Serves what each address has, and notes what was connected to. */
function web(pages: Readonly<Record<string, Served>>) {
  const clock = drivenClock()
  const called: string[] = []
  const upstream = createUpstream({
    clock,
    simulator: null,
    guard: createGuard({
      clock,
      resolve: async (host) => {
        const address = HOSTS[host]
        if (address === undefined) throw new Error('no such host')
        return [address]
      },
    }),
    fetch: async (url, init) => {
      const host = (init.headers as Record<string, string>)['host'] ?? new URL(url).host
      called.push(url)
      const page = pages[`${new URL(url).protocol}//${host}${new URL(url).pathname}`]
      if (page === undefined) return new Response('not here', { status: 404 })
      return new Response((page.body ?? null) as string | null, {
        status: page.status ?? 200,
        headers: page.headers ?? {},
      })
    },
  })
  const fetchMedia = createMediaFetch({ upstream, clock })
  let held = 0
  const fetch = async (
    url: string,
    kind: 'image' | 'file' | 'audio' = 'image',
    options: Partial<MediaFetchOptions> = {},
  ) =>
    fetchMedia(
      { kind, url, mediaType: null },
      {
        maxBytes: 10_000,
        timeoutMs: 1_000,
        allowPrivate: false,
        signal: new AbortController().signal,
        hold: (bytes) => {
          held += bytes
          return () => void (held -= bytes)
        },
        ...options,
      },
    )
  return { fetch, called, held: () => held }
}

const PICTURE = { headers: { 'content-type': 'image/png' }, body: PNG }
const AT = 'https://pictures.example/a.png'

test('a picture comes as its content, called by what it is', async () => {
  const { fetch, called, held } = web({ [AT]: { ...PICTURE, headers: { 'content-type': 'application/octet-stream' } } })
  expect(await fetch(`${AT}?signature=1`)).toEqual({
    type: 'content',
    source: { type: 'inline', data: PNG.toString('base64'), mediaType: 'image/png' },
  })
  // The address that was looked at is the one that is called.
  expect(called).toEqual(['https://93.184.216.34/a.png?signature=1'])
  // Its bytes and their base64, and not what it might have been.
  expect(held()).toBe(Math.ceil((PNG.length * 7) / 3))
})

test('a text is a document as it stands', async () => {
  const { fetch } = web({ [AT]: { headers: { 'content-type': 'text/csv; charset=utf-8' }, body: 'a,b\n' } })
  expect(await fetch(AT, 'file')).toEqual({
    type: 'content',
    source: { type: 'text', text: 'a,b\n', mediaType: 'text/csv' },
  })
  expect(await fetch(AT, 'image')).toMatchObject({ type: 'problem' })
})

describe('a redirect', () => {
  const to = (location: string): Served => ({ status: 302, headers: { location } })

  test('is followed where it may lead', async () => {
    const { fetch } = web({ [AT]: to('/b.png'), 'https://pictures.example/b.png': PICTURE })
    expect(await fetch(AT)).toMatchObject({ type: 'content' })
  })

  test.each([
    ['https://inside.example/a.png', /address is private/],
    ['http://169.254.169.254/latest/meta-data', /link-local/],
    ['http://127.0.0.1:8788/admin/keys', /address is loopback/],
    ['file:///etc/passwd', /neither http nor https/],
    ['https://user:secret@pictures.example/a.png', /user or a password/],
  ])('is not followed to %s', async (location, words) => {
    const { fetch, called } = web({ [AT]: to(location) })
    expect(await fetch(AT)).toEqual({ type: 'problem', problem: expect.stringMatching(words) })
    expect(called).toHaveLength(1)
  })

  test('is not followed for ever', async () => {
    const { fetch, called } = web({ [AT]: to('/a.png') })
    expect(await fetch(AT)).toMatchObject({ problem: expect.stringContaining('more than 3 times') })
    expect(called).toHaveLength(4)
  })
})

describe('what is not fetched', () => {
  test.each([
    ['https://inside.example/a.png', /private/],
    ['https://metadata.example/', /metadata|link-local/],
    ['https://loop.example/', /loopback/],
    ['http://[::1]/a.png', /loopback/],
    ['http://0x7f000001/a.png', /loopback/],
    ['https://nobody.example/a.png', /not be resolved/],
    ['ftp://pictures.example/a.png', /neither http nor https/],
    ['simulator://local/a.png', /neither http nor https/],
    ['http://', /no URL/],
  ])('%s', async (url, words) => {
    const { fetch, called } = web({})
    expect(await fetch(url)).toEqual({ type: 'problem', problem: expect.stringMatching(words) })
    expect(called).toEqual([])
  })
})

describe('what is not taken', () => {
  test.each([
    ['an error', { status: 404 }, /answered 404/],
    ['nothing', { body: '' }, /empty/],
    ['a page', { headers: { 'content-type': 'text/html' }, body: '<html>' }, /no format that models read/],
    ['too much, as announced', { ...PICTURE, headers: { 'content-length': '99999' } }, /99999 bytes/],
    ['too much, unannounced', { body: Buffer.concat([PNG, Buffer.alloc(20_000)]) }, /larger|bytes/],
    ['another kind', { body: '%PDF-1.7 …' }, /application\/pdf/],
  ] as const)('%s', async (_, page, words) => {
    const { fetch } = web({ [AT]: page })
    expect(await fetch(AT)).toEqual({ type: 'problem', problem: expect.stringMatching(words) })
  })

  test('what does not fit into the budget: the request is refused, not the picture', async () => {
    const hold = () => {
      throw new Error('full')
    }
    const { fetch } = web({ [AT]: PICTURE })
    const failed = await fetch(AT, 'image', { hold }).catch((error: unknown) => error)
    expect(String(failed)).toContain('full')
  })
})

test('a caller who is gone is told as such, and nothing is fetched', async () => {
  const { fetch, called } = web({ [AT]: PICTURE })
  const failed = await fetch(AT, 'image', { signal: AbortSignal.abort() }).catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 'client_closed' })
  expect(called).toEqual([])
})
