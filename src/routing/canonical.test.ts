import { expect, test } from 'bun:test'
import { canonicalModel } from './canonical.ts'

for (const [id, name, date] of [
  ['gpt-4o', 'gpt-4o', null],
  ['gpt-4o-2024-08-06', 'gpt-4o', '20240806'],
  ['gpt-4.1-mini', 'gpt-4-1-mini', null],
  ['claude-3-5-sonnet-20241022', 'claude-3-5-sonnet', '20241022'],
  ['claude-3-5-sonnet-latest', 'claude-3-5-sonnet', null],
  ['claude-sonnet-4-5@20250929', 'claude-sonnet-4-5', '20250929'],
  ['anthropic/claude-sonnet-4.5', 'claude-sonnet-4-5', null],
  ['anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5', '20250929'],
  ['eu.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5', '20250929'],
  ['models/gemini-2.5-flash', 'gemini-2-5-flash', null],
  ['accounts/fireworks/models/deepseek-v3', 'deepseek-v3', null],
  ['meta-llama/Llama-3.3-70B-Instruct', 'llama-3-3-70b-instruct', null],
  ['qwen3-32b', 'qwen3-32b', null],
  ['', '', null],
] as const)
  test(`${id || 'nothing'} is ${name || 'nothing'}${date === null ? '' : ` of ${date}`}`, () =>
    expect(canonicalModel(id)).toEqual({ name, date }))
