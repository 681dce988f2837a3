import { expect, test } from 'bun:test'

import { findProvider } from '@pydantic/genai-prices'

import { PRESETS } from './presets.ts'

const rows = Object.entries(PRESETS)
const holes = (text: string): string[] => Array.from(text.matchAll(/\{([^}]*)\}/g), (match) => match[1] ?? '')

test('there are at least 60 hosts besides what people run themselves', () => {
  expect(rows.filter(([, preset]) => preset.local !== true).length).toBeGreaterThanOrEqual(60)
})

test('every table keeps its rows: no name is taken twice', async () => {
  const tables = await Promise.all([
    import('./presets-labs.ts').then((module) => module.LAB_PRESETS),
    import('./presets-hosts.ts').then((module) => module.HOST_PRESETS),
    import('./presets-media.ts').then((module) => module.MEDIA_PRESETS),
    import('./presets-clouds.ts').then((module) => module.CLOUD_PRESETS),
    import('./presets-local.ts').then((module) => module.LOCAL_PRESETS),
  ])
  expect(rows.length).toBe(tables.reduce((sum, table) => sum + Object.keys(table).length, 0))
})

test('every row is well-formed', () => {
  for (const [name, preset] of rows) {
    const at = (problem: string): string => `${name}: ${problem}`
    expect(name, at('name')).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(preset.title.length, at('title')).toBeGreaterThan(1)
    expect(preset.docs, at('docs')).toMatch(/^https:\/\/[^\s]+[^/]$/)
    expect(new Set(preset.env).size, at('variables are unique')).toBe(preset.env.length)
    for (const variable of preset.env) expect(variable, at('variable')).toMatch(/^[A-Z][A-Z0-9_]+$/)
    if (preset.local !== true) expect(preset.env.length, at('a key variable')).toBeGreaterThan(0)
    if (preset.baseUrlEnv !== undefined) expect(preset.baseUrlEnv, at('variable')).toMatch(/^[A-Z][A-Z0-9_]+$/)
    for (const path of Object.values(preset.quirks.paths ?? {}))
      if (path !== null) expect(path, at('path')).toStartWith('/')
  }
})

test('hosts of others are called over TLS, our own machine over plain HTTP on its usual port', () => {
  for (const [name, preset] of rows) {
    if (preset.baseUrl === '' || preset.wire === 'simulator') continue
    expect(preset.baseUrl, name).not.toEndWith('/')
    expect(preset.baseUrl, name).not.toMatch(/[?#@]/)
    const url = new URL(preset.baseUrl.replaceAll(/\{[a-z_]+\}/g, 'x'))
    expect(url.protocol, name).toBe(preset.local === true ? 'http:' : 'https:')
    if (preset.local === true) expect(url.hostname, name).toBe('127.0.0.1')
  }
})

test('the role `developer` is sent only where it is known', () => {
  const knowing = rows.filter(([, preset]) => preset.quirks.developerRole !== false).map(([name]) => name)
  expect(knowing).toEqual(['openai', 'azure', 'azure-deployments'])
})

test('placeholders have names, and settings belong to placeholders', () => {
  for (const [name, preset] of rows) {
    const named = [...holes(preset.baseUrl), ...holes(preset.quirks.query ?? '')]
    for (const hole of named) expect(hole, name).toMatch(/^[a-z_]+$/)
    for (const setting of Object.keys(preset.settings ?? {})) expect(named, name).toContain(setting)
    // A model in the path is filled by the wire format, for each request.
    const paths = Object.values(preset.quirks.paths ?? {}).flatMap((path) => (path === null ? [] : holes(path)))
    expect(new Set(paths), name).toEqual(new Set(preset.quirks.modelInPath === true ? ['model'] : []))
  }
})

test('every price id is a provider of the price catalogue', () => {
  for (const [name, preset] of rows)
    if (preset.priceId !== null) expect(findProvider({ providerId: preset.priceId })?.id, name).toBe(preset.priceId)
})
