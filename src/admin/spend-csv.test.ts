import { expect, test } from 'bun:test'
import { NO_USAGE } from '../core/usage.ts'
import { spendCsv } from './spend-csv.ts'

test.each([
  ['gpt-5', 'gpt-5'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['=SUM(A1)', "'=SUM(A1)"],
  ['+1', "'+1"],
  ['@cmd', "'@cmd"],
  ['-2+3', "'-2+3"],
  ['-1.5', '-1.5'],
])('the end user %j becomes the cell %j', (endUser, cell) => {
  const row = {
    group: { end_user: endUser },
    at: null,
    requests: 1,
    costNanoUsd: 1n,
    unpricedRequests: 0,
    usage: NO_USAGE,
  }
  expect(spendCsv([row], ['end_user'], false)).toContain(`\r\n${cell},1,0,0.000000001,1,0,`)
})
