// How values look in a terminal: aligned tables, times, amounts. Never trusts what a caller of the gateway wrote.
import { formatUsd, type NanoUsd } from '../core/money.ts'
import { writeDuration } from '../config/fields.ts'

// End users and model names come from clients: an escape sequence among them must not reach the terminal.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** The text in one line, without anything that moves a cursor or turns the writing direction. */
export function printable(text: string): string {
  return text.replaceAll(CONTROL, '\uFFFD')
}

export type Column = { readonly title: string; readonly align: 'left' | 'right' }

/** Lines of a table, columns aligned; nothing but the title line when there are no rows. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], colour: boolean): string {
  const lines = [columns.map((column) => column.title), ...rows.map((row) => row.map(printable))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => Bun.stringWidth(line[index] ?? ''))))
  return lines
    .map((line, row) => {
      const cells = columns.map((column, index) => {
        const text = line[index] ?? ''
        const space = ' '.repeat((widths[index] ?? 0) - Bun.stringWidth(text))
        return column.align === 'right' ? space + text : text + space
      })
      const joined = cells.join('  ').trimEnd()
      return `${row === 0 && colour ? `\u001B[1m${joined}\u001B[22m` : joined}\n`
    })
    .join('')
}

/** `name: value` lines, values aligned. */
export function fields(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${`${name}:`.padEnd(width + 1)} ${printable(value)}\n`).join('')
}

const COLOURS = { green: 32, yellow: 33, red: 31 } as const

export function paint(text: string, shade: keyof typeof COLOURS, colour: boolean): string {
  return colour ? `\u001B[${COLOURS[shade]}m${text}\u001B[39m` : text
}

/** `2026-11-23 16:09:12Z`. */
export function writeTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`
}

/** `$0.0015`, exact. */
export function writeDollars(cost: NanoUsd): string {
  return cost < 0n ? `-$${formatUsd(-cost)}` : `$${formatUsd(cost)}`
}

/** `850 ms`, `1.2 s`, `3 m 5 s`. */
export function writeElapsed(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`
  return writeDuration(Math.round(seconds / 60) * 60_000)
}

/** `1 234 567`. */
export function writeCount(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+(?!\d))/g, ' ')
}

/** `-` for what is not there. */
export function orDash(text: string | null | undefined): string {
  return text === null || text === undefined || text === '' ? '-' : text
}

/** `models` of a key: null allows all, an empty list none. */
export function writeList(list: readonly string[] | null): string {
  if (list === null) return 'all'
  return list.length === 0 ? 'none' : list.join(', ')
}

/** JSON for `--json`: one document, money and other big integers as text. */
export function writeJson(value: unknown): string {
  return `${JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), 2)}\n`
}
