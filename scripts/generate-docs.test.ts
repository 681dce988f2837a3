import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { GENERATED } from './generate-docs.ts'
import { fates } from './translation-table.ts'

test.each(Object.entries(GENERATED))('%s is as `npm run docs` writes it', (file, write) => {
  expect(readFileSync(path.join(import.meta.dir, '..', file), 'utf8')).toBe(write())
})

test('the pages are tables without holes', () => {
  for (const write of Object.values(GENERATED)) expect(write()).not.toMatch(/undefined|\[object|NaN/)
})

test('nothing of a request is left out without a word', () => {
  for (const [feature, byWire] of Object.entries(fates()))
    for (const [wire, fate] of Object.entries(byWire)) expect(fate, `${feature} to ${wire}`).not.toBe('lost')
})
