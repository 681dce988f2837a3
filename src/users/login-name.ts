// What people log in with: an e-mail address or a name, the same whatever its case.
import { GatewayError } from '../core/error.ts'

const LOGIN = /^[a-z0-9][a-z0-9._%+@-]{1,99}$/

/** Throws `request_malformed` for what cannot be one; `user_…` is kept for ids. */
export function readLogin(written: string): string {
  const login = written.trim().toLowerCase()
  if (LOGIN.test(login) && !login.startsWith('user_')) return login
  throw new GatewayError('request_malformed', {
    message:
      'A login is an e-mail address or a name: 2 to 100 letters, digits and . _ % + @ -, and no `user_` in front.',
    param: 'login',
  })
}
