// The page of a key's requests, newest first.
import { html } from 'hono/html'
import type { User } from '../core/user.ts'
import type { UserTools } from './action.ts'
import { requestsOf, type RequestRow } from './money-actions.ts'
import { frame, type Markup, type PageContext } from './pages.ts'

/** Throws `not_found` where the key is not the user's. */
export async function requestsPage(
  user: User,
  query: { readonly key: string; readonly cursor: string | null },
  context: PageContext,
  tools: UserTools,
): Promise<Markup> {
  const { key, data, next } = await requestsOf(user, query, tools)
  const more = new URLSearchParams({ key: key.id, ...(next === null ? {} : { cursor: next }) })
  return frame(
    `Requests of ${key.name}`,
    context,
    html`<a href="/user">Your account</a>`,
    html`<section>
      ${data.length === 0 ? html`<p>There are none.</p>` : tableOf(data)}
      ${next === null ? '' : html`<p><a href="/user/requests?${more.toString()}" rel="next">Older ones</a></p>`}
    </section>`,
  )
}

function tableOf(rows: readonly RequestRow[]): Markup {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">When (UTC)</th>
          <th scope="col">Model</th>
          <th scope="col">Status</th>
          <th scope="col" class="number">Tokens in</th>
          <th scope="col" class="number">Tokens out</th>
          <th scope="col" class="number">Seconds</th>
          <th scope="col" class="number">Charged, $</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              <th scope="row">${row.at.slice(0, 19).replace('T', ' ')}</th>
              <td>${row.model}</td>
              <td>${row.status}${row.error === null ? '' : html` <code>${row.error}</code>`}</td>
              <td class="number">${row.input_tokens}</td>
              <td class="number">${row.output_tokens}</td>
              <td class="number">${(row.duration_ms / 1_000).toFixed(1)}</td>
              <td class="number">${row.charged_usd}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}
