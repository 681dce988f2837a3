// A statement as one page to print or to send: no scripts, nothing from elsewhere; whatever is put in is escaped by the template.
import { html, raw } from 'hono/html'
import { formatUsd, type NanoUsd } from '../core/money.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import { barChart } from './bar-chart.ts'
import { type DisplayCurrency, shownMoney } from './shown-money.ts'
import { type Statement, statementTitle } from './statement.ts'

/** What the page may load: nothing. Its style stands in it. */
export const STATEMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

const STYLE = `
body{margin:2rem auto;max-width:50rem;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .4rem}
.when,.note{color:#555}
dl{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin:1.5rem 0}dt{color:#555}dd{margin:0;font-size:1.3rem}
svg{width:100%;height:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #ddd;overflow-wrap:anywhere}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
@page{margin:18mm}
@media print{body{margin:0;max-width:none;padding:0;font-size:10pt}h2{break-after:avoid}tr,svg{break-inside:avoid}thead{display:table-header-group}}
`

/** @param currency what amounts are shown in beside exact dollars; null: dollars alone */
export async function statementHtml(statement: Statement, currency: DisplayCurrency | null = null): Promise<string> {
  const { total, time, madeAt, days, parts, forecast } = statement
  const title = statementTitle(statement)
  const show = (amount: NanoUsd): string => shownMoney(amount, currency)
  const facts: readonly (readonly [string, string])[] = [
    ['Spent', show(total.costNanoUsd)],
    ['Requests', count(total.requests)],
    ['An answer', total.answeredRequests === 0 ? '-' : show(total.costNanoUsd / BigInt(total.answeredRequests))],
    ...(total.savedNanoUsd === 0n ? [] : [['Saved', show(total.savedNanoUsd)] as const]),
    ...(total.cacheSavedNanoUsd === 0n ? [] : [['Saved by cache', show(total.cacheSavedNanoUsd)] as const]),
    ['Before', `${show(statement.before.costNanoUsd)}${change(statement)}`],
    ...(forecast === null ? [] : [['Expected by the end', show(forecast.expectedNanoUsd)] as const]),
  ]
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        <p class="when">
          ${day(time.from)} to ${day(time.until - 1)}, days of UTC. Made ${new Date(madeAt).toISOString()}.
        </p>
        <dl>
          ${facts.map(
            ([name, value]) =>
              html`<div>
                <dt>${name}</dt>
                <dd>${value}</dd>
              </div>`,
          )}
        </dl>
        ${barChart(days, show)}
        ${parts.map(
          (part) =>
            html`<h2>By ${part.title}</h2>
              <table>
                <thead>
                  <tr>
                    <th>${part.title}</th>
                    <th class="n">requests</th>
                    <th class="n">tokens in</th>
                    <th class="n">tokens out</th>
                    <th class="n">spent</th>
                  </tr>
                </thead>
                <tbody>
                  ${part.rows.map(
                    (row) =>
                      html`<tr>
                        <td>${row.name}</td>
                        <td class="n">${count(row.requests)}</td>
                        <td class="n">${count(inputTokens(row.usage))}</td>
                        <td class="n">${count(outputTokens(row.usage))}</td>
                        <td class="n">${show(row.costNanoUsd)}</td>
                      </tr> `,
                  )}
                </tbody>
              </table>
              ${part.title === 'tag' ? html`<p class="note">A request counts once for each of its tags.</p>` : ''}`,
        )}
        <p class="note">
          In all exactly
          $${formatUsd(total.costNanoUsd)}.${total.unpricedRequests === 0 ? '' : ` ${count(total.unpricedRequests)} requests used models without a price and are counted as 0.`}${currencyWords(currency)}
        </p>
      </body>
    </html> `
  return page.toString()
}

/** The chart of a statement alone, as a file of its own. */
export async function statementChart({ days }: Statement, currency: DisplayCurrency | null = null): Promise<string> {
  const chart = await barChart(days, (amount) => shownMoney(amount, currency))
  return chart.toString()
}

function currencyWords(currency: DisplayCurrency | null): string {
  return currency === null
    ? ''
    : ` Amounts are shown in ${currency.code} at ${currency.perUsd} for a dollar, of ${currency.date}; the books are in dollars.`
}

function change({ total, before }: Statement): string {
  if (before.costNanoUsd <= 0n) return ''
  const share = Number(total.costNanoUsd - before.costNanoUsd) / Number(before.costNanoUsd)
  return ` (${share >= 0 ? '+' : '−'}${Math.abs(share * 100).toFixed(0)} %)`
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}
