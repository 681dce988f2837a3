// The pages for people without an account open: the frame of all pages, logging in, registering. Whatever is put into a
// page is escaped by the template.
import { html } from 'hono/html'
import type { UsersConfig } from '../config/schema-users.ts'

/** What the template gives. */
export type Markup = ReturnType<typeof html>

/** What is said at the top of a page; `secret` is shown once. */
export type Notice = {
  readonly kind: 'good' | 'bad'
  readonly text: string
  readonly secret?: string
}

export type PageContext = {
  /** Token of every form of the page. */
  readonly token: string
  readonly notice: Notice | null
  readonly settings: UsersConfig
}

export function hidden(token: string): Markup {
  return html`<input type="hidden" name="csrf_token" value="${token}" />`
}

export function frame(
  title: string,
  { notice }: Pick<PageContext, 'notice'>,
  top: Markup | null,
  body: Markup,
): Markup {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/user/style.css" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <h1>${title}</h1>
          ${top ?? ''}
        </header>
        <main id="main">${notice === null ? '' : noticeOf(notice)} ${body}</main>
      </body>
    </html>`
}

function noticeOf({ kind, text, secret }: Notice): Markup {
  const shown = secret === undefined ? '' : html`<br /><code>${secret}</code><br />It is shown this once.`
  return kind === 'bad'
    ? html`<p class="notice bad" role="alert">${text}</p>`
    : html`<p class="notice" role="status">${text} ${shown}</p>`
}

const LOGIN_FIELDS = html`<label
  >E-mail address or name <input name="login" autocomplete="username" required maxlength="100"
/></label>`

export function loginPage(context: PageContext): Markup {
  const { token, settings } = context
  const register =
    settings.registration === 'closed' ? '' : html`<p>No account yet? <a href="/user/register">Register</a>.</p>`
  return frame(
    'Log in',
    context,
    null,
    html`<section>
      <form class="column" method="post" action="/user/login">
        ${hidden(token)} ${LOGIN_FIELDS}
        <label
          >Password <input type="password" name="password" autocomplete="current-password" required maxlength="200"
        /></label>
        <button>Log in</button>
      </form>
      ${register}
    </section>`,
  )
}

/** @param invitation from the link that somebody followed; empty: none */
export function registerPage(context: PageContext, invitation: string): Markup {
  const { token, settings } = context
  if (settings.registration === 'closed')
    return frame('Register', context, null, html`<p>Nobody can register here. Ask the operator for a login.</p>`)
  const isNeeded = settings.registration === 'invitation'
  return frame(
    'Register',
    context,
    null,
    html`<section>
      <form class="column" method="post" action="/user/register">
        ${hidden(token)} ${LOGIN_FIELDS}
        <label
          >Password, at least 10 characters
          <input type="password" name="password" autocomplete="new-password" required minlength="10" maxlength="200"
        /></label>
        <label
          >Invitation${isNeeded ? '' : ', if you have one'}
          <input
            name="invitation"
            value="${invitation}"
            autocomplete="off"
            maxlength="200"
            ${isNeeded ? 'required' : ''}
        /></label>
        <button>Register</button>
      </form>
      <p>You have an account? <a href="/user/login">Log in</a>.</p>
    </section>`,
  )
}
