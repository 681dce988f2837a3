import { expect, test } from 'bun:test'

import { relayableHeaders } from './headers.ts'

test('a client sees the content type, timing and the vendor’s request id, and nothing that is ours', () => {
  const upstream = new Headers({
    'content-type': 'text/event-stream',
    'openai-processing-ms': '41',
    'openai-organization': 'our-org',
    'openai-project': 'proj_x',
    'x-request-id': 'req_1',
    'cf-ray': 'ray',
    'set-cookie': 'session=1',
    server: 'cloudflare',
    'x-ratelimit-remaining-requests': '5',
    'anthropic-organization-id': 'org',
    connection: 'keep-alive',
    'transfer-encoding': 'chunked',
    'content-encoding': 'gzip',
    'content-length': '12',
    'alt-svc': 'h3',
    'access-control-allow-origin': '*',
    'retry-after': '2',
    'x-new-vendor-header': 'who knows',
  })
  expect(relayableHeaders(upstream)).toEqual({
    'content-type': 'text/event-stream',
    'openai-processing-ms': '41',
    'retry-after': '2',
    'x-upstream-request-id': 'req_1',
  })
})

test('each vendor’s name for its request id is known, and the id is bounded', () => {
  for (const name of ['request-id', 'x-amzn-requestid', 'apim-request-id', 'cf-ray'])
    expect(relayableHeaders(new Headers({ [name]: 'i'.repeat(300) }))).toEqual({
      'x-upstream-request-id': 'i'.repeat(200),
    })
})

test('an upstream without any of them gives none', () => expect(relayableHeaders(new Headers())).toEqual({}))
