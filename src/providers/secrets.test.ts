import { expect, test } from 'bun:test'
import { configureProviders } from './configure.ts'
import { secretsOf } from './secrets.ts'

test('the keys of the environment and the passwords of proxies are secrets, as written and decoded', () => {
  const providers = configureProviders(
    {
      groq: {},
      up: {
        preset: 'openai-compatible',
        baseUrl: 'https://up.test/v1',
        keys: ['one', 'two'],
        proxy: 'http://me:p%2Fw@proxy.test:8080',
      },
      odd: {
        preset: 'openai-compatible',
        baseUrl: 'https://odd.test/v1',
        keys: [],
        proxy: 'http://me:100%@proxy.test',
      },
      plain: {
        preset: 'openai-compatible',
        baseUrl: 'https://plain.test/v1',
        keys: [],
        proxy: 'http://proxy.test:8080',
      },
      bedrock: { keys: ['AKIDEXAMPLE12345:wJalrXUtnFEMIK7MDENG:session', 'api-key'] },
    },
    { GROQ_API_KEY: 'key-of-the-environment' },
  )
  expect(secretsOf(providers)).toEqual([
    'key-of-the-environment',
    'one',
    'two',
    'p%2Fw',
    'p/w',
    '100%',
    'AKIDEXAMPLE12345:wJalrXUtnFEMIK7MDENG:session',
    'api-key',
    'wJalrXUtnFEMIK7MDENG',
    'session',
    'api-key',
  ])
})
