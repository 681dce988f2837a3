import { expect, test } from 'bun:test'
import type { ConditionConfig } from '../config/schema-conditions.ts'
import { compileCondition } from './conditions.ts'
import { testCall, testFacts, TEST_KEY } from './testing.ts'

const TEAM = {
  id: 'team_1',
  name: 'research',
  limits: TEST_KEY.limits,
  models: null,
  tags: [],
  metadata: { plan: 'gold', cost_centre: '7' },
  disabled: false,
  createdAt: 0,
}
const at = (iso: string) => Date.parse(iso)

const facts = testFacts({
  call: testCall({ stream: true }),
  key: { ...TEST_KEY, metadata: { plan: 'silver' } },
  team: TEAM,
  endUser: 'vip-7',
  tags: ['batch', 'eu'],
  headers: new Headers({ 'x-plan': 'pro' }),
  region: 'eu',
  inputTokens: () => 1_000,
  task: () => 'code',
  shape: () => ({ tools: true, images: false, json: false }),
})

for (const [title, when, holds] of [
  ['nothing', {}, null],
  ['the team by name', { team: ['research'] }, true],
  ['the team by id', { team: ['team_1'] }, true],
  ['another team', { team: ['sales'] }, false],
  ['the key', { key: ['app'] }, true],
  ['one of several tags', { tag: ['night', 'batch'] }, true],
  ['a tag that is not there', { tag: ['night'] }, false],
  ['an end user by wildcard', { endUser: ['vip-*'] }, true],
  ['a region', { region: ['us', 'eu'] }, true],
  ['a header', { header: { 'X-Plan': ['pro'] } }, true],
  ['a header with another value', { header: { 'x-plan': ['free'] } }, false],
  ['a header that is not there', { header: { 'x-other': ['*'] } }, false],
  ['metadata of the key before that of its team', { metadata: { plan: ['silver'] } }, true],
  ['metadata of the team', { metadata: { cost_centre: ['7'] } }, true],
  ['a task', { task: ['code'] }, true],
  ['a long prompt', { promptTokens: { above: 999 } }, true],
  ['a short prompt', { promptTokens: { below: 1_000 } }, false],
  ['a stream', { stream: true }, true],
  ['no stream', { stream: false }, false],
  ['tools and no images', { tools: true, images: false }, true],
  ['JSON', { json: true }, false],
  ['all of several', { team: ['research'], stream: true, tag: ['nope'] }, false],
] as const satisfies readonly (readonly [string, ConditionConfig, boolean | null])[])
  test(`when: ${title}`, () => {
    const condition = compileCondition(when, undefined)
    expect(condition === null ? null : condition.holds(facts)).toBe(holds)
  })

test('unless takes out what it says, and no more', () => {
  const condition = compileCondition({ team: ['research'] }, { stream: true, tag: ['night'] })!
  expect(condition.holds(facts)).toBe(true)
  expect(condition.holds({ ...facts, tags: ['night'] })).toBe(false)
  expect(condition.words).toBe('team is research, unless tag is night and stream is true')
})

for (const [title, time, moment, holds] of [
  ['in office hours', { from: 480, to: 1080 }, '2026-11-27T08:00:00Z', true],
  ['at the end of them', { from: 480, to: 1080 }, '2026-11-27T18:00:00Z', false],
  ['in another zone', { from: 480, to: 1080, zone: 'Asia/Tokyo' }, '2026-11-26T23:30:00Z', true],
  ['on a weekday', { from: 0, to: 1440, days: ['fri'] }, '2026-11-27T12:00:00Z', true],
  ['not on another', { from: 0, to: 1440, days: ['fri'] }, '2026-11-28T12:00:00Z', false],
  ['past midnight', { from: 1320, to: 360, days: ['fri'] }, '2026-11-28T03:00:00Z', true],
  ['before that night', { from: 1320, to: 360, days: ['fri'] }, '2026-11-27T03:00:00Z', false],
  ['in summer time', { from: 480, to: 540, zone: 'Europe/Berlin' }, '2026-07-01T06:30:00Z', true],
] as const)
  test(`time of day: ${title}`, () => {
    const condition = compileCondition({ time: { zone: 'UTC', ...time } }, undefined)!
    expect(condition.holds({ ...facts, now: at(moment) })).toBe(holds)
  })
