// The page of who is logged in: balance, usage, keys, codes, invitations, password.
import { html } from 'hono/html'
import { formatUsd } from '../core/money.ts'
import type { User } from '../core/user.ts'
import { meOf, type Me } from './account-actions.ts'
import type { UserTools } from './action.ts'
import { keysOf, type OwnKey } from './key-actions.ts'
import { usageOf, type UsageRow } from './money-actions.ts'
import { frame, hidden, type Markup, type PageContext } from './pages.ts'

const CREDITS_SHOWN = 20

export async function homePage(user: User, context: PageContext, tools: UserTools): Promise<Markup> {
  const [me, keys, days, models, ofKeys, credits] = await Promise.all([
    meOf(user, tools),
    keysOf(user, tools),
    usageOf(user, { bucket: 'day' }, tools),
    usageOf(user, { by: 'model' }, tools),
    usageOf(user, { by: 'key' }, tools),
    tools.store.listCredits({ userId: user.id, cursor: null, limit: CREDITS_SHOWN }),
  ])
  const { token, settings } = context
  const top = html`<form method="post" action="/user/logout">
    ${hidden(token)}<span>${me.login}</span><button class="quiet">Log out</button>
  </form>`
  const nameOf = new Map(keys.map(({ id, name }) => [id, name]))
  return frame(
    'Your account',
    context,
    top,
    html`
      ${balanceSection(me, context)}
      ${usageSection('Usage by day', 'Day (UTC)', days, ({ at }) => (at ?? '').slice(0, 10))}
      ${usageSection('Usage by model', 'Model', models, ({ model }) => model ?? '')}
      ${usageSection('Usage by key', 'Key', ofKeys, ({ key }) => nameOf.get(key ?? '') ?? key ?? '')}
      ${keysSection(keys, token, settings.maxKeys)}
      ${creditsSection(credits.data.map(({ at, kind, amountNanoUsd, note }) => ({ at, kind, amountNanoUsd, note })))}
      ${settings.maxInvitations > 0 && settings.registration !== 'closed' ? invitationSection(token) : ''}
      ${passwordSection(token)}
    `,
  )
}

function balanceSection(me: Me, { token, settings: { topupUrl } }: PageContext): Markup {
  const shop = topupUrl === undefined ? '' : html`<p><a href="${withUser(topupUrl, me.id)}">Top up</a></p>`
  return html`<section aria-labelledby="balance">
    <h2 id="balance">Balance</h2>
    <p class="balance">$${shortened(me.balance_usd)}</p>
    <p>
      $${shortened(me.credited_usd)} credited, $${shortened(me.charged_usd)}
      charged${me.held_usd === '0' ? '' : html`, $${shortened(me.held_usd)} held by requests in flight`}. Group
      ${me.group}.
    </p>
    ${shop}
    <form method="post" action="/user/redeem">
      ${hidden(token)}
      <label>Redeem a code <input name="code" required maxlength="200" autocomplete="off" /></label>
      <button>Redeem</button>
    </form>
  </section>`
}

function usageSection(
  title: string,
  column: string,
  rows: readonly UsageRow[],
  nameOf: (row: UsageRow) => string,
): Markup {
  if (rows.length === 0)
    return title === 'Usage by day'
      ? html`<section>
          <h2>Usage</h2>
          <p>Nothing was used in the last 30 days.</p>
        </section>`
      : html``
  return html`<section>
    <h2>${title}</h2>
    <div class="scroll">
      <table>
        <caption>
          The last 30 days
        </caption>
        <thead>
          <tr>
            <th scope="col">${column}</th>
            <th scope="col" class="number">Requests</th>
            <th scope="col" class="number">Tokens in</th>
            <th scope="col" class="number">Tokens out</th>
            <th scope="col" class="number">Charged, $</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                <th scope="row">${nameOf(row)}</th>
                <td class="number">${row.requests}</td>
                <td class="number">${row.input_tokens}</td>
                <td class="number">${row.output_tokens}</td>
                <td class="number">${row.charged_usd}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`
}

function keysSection(keys: readonly OwnKey[], token: string, most: number): Markup {
  const rows = keys.map(
    (key) =>
      html`<tr>
        <th scope="row">${key.name}</th>
        <td><a href="/user/requests?key=${key.id}" aria-label="Requests of the key ${key.name}">Requests</a></td>
        <td><code>…${key.hint}</code></td>
        <td>${key.models === null ? 'all' : key.models.join(', ')}</td>
        <td>${(key.expires_at ?? 'never').slice(0, 10)}</td>
        <td>
          <form method="post" action="/user/revoke">
            ${hidden(token)}<input type="hidden" name="id" value="${key.id}" />
            <button class="quiet" aria-label="Revoke the key ${key.name}">Revoke</button>
          </form>
        </td>
      </tr>`,
  )
  const table = html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Log</th>
          <th scope="col">Ends in</th>
          <th scope="col">Models</th>
          <th scope="col">Expires</th>
          <th scope="col"><span>Revoke</span></th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
  const form = html`<form method="post" action="/user/keys">
    ${hidden(token)}
    <label>Name of a new key <input name="name" required maxlength="200" autocomplete="off" /></label>
    <label>It may spend, $ (empty: all) <input name="limit_usd" inputmode="decimal" size="8" /></label>
    <label
      >in
      <select name="window">
        <option value="once">all</option>
        <option value="day">a day</option>
        <option value="week">a week</option>
        <option value="month">a month</option>
      </select></label
    >
    <button>Make a key</button>
  </form>`
  return html`<section aria-labelledby="keys">
    <h2 id="keys">Keys</h2>
    ${keys.length === 0 ? html`<p>You have no keys yet.</p>` : table}
    ${keys.length < most ? form : html`<p>You have as many keys as there may be.</p>`}
  </section>`
}

type ShownCredit = { readonly at: number; readonly kind: string; readonly amountNanoUsd: bigint; readonly note: string }

function creditsSection(credits: readonly ShownCredit[]): Markup {
  if (credits.length === 0) return html``
  const rows = credits.map(
    ({ at, kind, amountNanoUsd, note }) =>
      html`<tr>
        <th scope="row">${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}</th>
        <td>${kind}</td>
        <td class="number">${formatUsd(amountNanoUsd)}</td>
        <td>${note}</td>
      </tr>`,
  )
  return html`<section aria-labelledby="credits">
    <h2 id="credits">Credited</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">When (UTC)</th>
            <th scope="col">How</th>
            <th scope="col" class="number">Amount, $</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`
}

function invitationSection(token: string): Markup {
  return html`<section aria-labelledby="invite">
    <h2 id="invite">Invite somebody</h2>
    <form method="post" action="/user/invitations">${hidden(token)}<button>Make an invitation</button></form>
  </section>`
}

function passwordSection(token: string): Markup {
  return html`<section aria-labelledby="password">
    <h2 id="password">Password</h2>
    <form method="post" action="/user/password">
      ${hidden(token)}
      <label
        >The one you have
        <input type="password" name="current" autocomplete="current-password" required maxlength="200"
      /></label>
      <label
        >Another one
        <input type="password" name="password" autocomplete="new-password" required minlength="10" maxlength="200"
      /></label>
      <button>Change it</button>
    </form>
  </section>`
}

/** To four decimal places, for people; tables show all. */
function shortened(dollars: string): string {
  const [whole = '0', fraction = ''] = dollars.split('.')
  return fraction.length <= 4 ? dollars : `${whole}.${fraction.slice(0, 4)}…`
}

function withUser(shop: string, userId: string): string {
  const url = new URL(shop)
  url.searchParams.set('user', userId)
  return url.href
}
