// A chart of days as SVG that stands in a page by itself: bars, the largest amount, first and last day named. Pure.
import { html } from 'hono/html'
import type { NanoUsd } from '../core/money.ts'

type Bar = { readonly at: number; readonly costNanoUsd: NanoUsd }
type Markup = ReturnType<typeof html>

const WIDTH = 720
const HEIGHT = 160
const TOP = 18
const BOTTOM = 18
const TALL = HEIGHT - TOP - BOTTOM

/** @param show an amount for people */
export function barChart(days: readonly Bar[], show: (amount: NanoUsd) => string): Markup {
  const most = days.reduce((largest, { costNanoUsd }) => (costNanoUsd > largest ? costNanoUsd : largest), 0n)
  const step = WIDTH / Math.max(1, days.length)
  const bars = days.map(({ at, costNanoUsd }, place) => {
    // Corrections may take a day below nothing: it has no bar then.
    const share = most === 0n || costNanoUsd < 0n ? 0 : Number((costNanoUsd * 10_000n) / most) / 10_000
    const tall = share * TALL
    return html`<rect
      x="${fixed(place * step + step * 0.1)}"
      y="${fixed(TOP + TALL - tall)}"
      width="${fixed(step * 0.8)}"
      height="${fixed(tall)}"
      ><title>${dayOf(at)}: ${show(costNanoUsd)}</title></rect
    >`
  })
  const [first, last] = [days[0], days.at(-1)]
  return html`<svg
    role="img"
    aria-label="Spend by day"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    xmlns="http://www.w3.org/2000/svg"
    font-family="sans-serif"
    font-size="12"
  >
    <g fill="#2f6f8f">${bars}</g>
    <path d="M0 ${TOP + TALL}H${WIDTH}" stroke="#999" fill="none" />
    <text x="0" y="12">${show(most)}</text>
    ${first === undefined ? '' : html`<text x="0" y="${HEIGHT - 4}">${dayOf(first.at)}</text>`}
    ${last === undefined || last === first ? '' : html`<text x="${WIDTH}" y="${HEIGHT - 4}" text-anchor="end">${dayOf(last.at)}</text>`}
  </svg>`
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function fixed(value: number): string {
  return value.toFixed(2)
}
