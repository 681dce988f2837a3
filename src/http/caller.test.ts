import { expect, test } from 'bun:test'
import { GatewayError } from '../core/error.ts'
import { callerAddress, secretOf } from './caller.ts'

function request(headers: Record<string, string>, query = ''): Request {
  return new Request(`http://gateway/v1/chat/completions${query}`, { headers })
}

for (const [title, headers, query, secret] of [
  ['nothing', {}, '', null],
  ['a bearer token', { authorization: 'Bearer abc' }, '', 'abc'],
  ['another scheme', { authorization: 'Basic abc' }, '', null],
  ['Anthropic’s header', { 'x-api-key': 'abc' }, '', 'abc'],
  ['Google’s header', { 'x-goog-api-key': 'abc' }, '', 'abc'],
  ['the query', {}, '?alt=sse&key=abc', 'abc'],
  ['the same key in each place', { authorization: 'bearer abc', 'x-api-key': 'abc' }, '?key=abc', 'abc'],
] as const)
  test(`the key is found in ${title}`, () => expect(secretOf(request(headers, query))).toBe(secret))

for (const [title, headers, query] of [
  ['authorization and x-api-key', { authorization: 'Bearer a', 'x-api-key': 'b' }, ''],
  ['x-api-key and x-goog-api-key', { 'x-api-key': 'a', 'x-goog-api-key': 'b' }, ''],
  ['a header and the query', { authorization: 'Bearer a' }, '?key=b'],
] as const)
  test(`two different keys are refused: ${title}`, () =>
    expect(() => secretOf(request(headers, query))).toThrow(GatewayError))

test('behind trusted proxies the last address that is none of theirs counts', () => {
  const isTrusted = (address: string | null): boolean => address?.startsWith('10.') === true
  const headers = new Headers({ 'x-forwarded-for': '1.1.1.1, 2.2.2.2, 10.0.0.9' })
  expect(callerAddress(headers, '10.0.0.1', isTrusted)).toBe('2.2.2.2')
  expect(callerAddress(headers, '3.3.3.3', isTrusted)).toBe('3.3.3.3')
  expect(callerAddress(new Headers(), '10.0.0.1', isTrusted)).toBe('10.0.0.1')
})
