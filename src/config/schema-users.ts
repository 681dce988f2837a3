// `users:` of the file: people who pay for what their keys ask.
import { flag, type Field, section } from './fields.ts'

export type UsersConfig = {
  readonly enabled: boolean
}

export const users: Field<UsersConfig> = section<UsersConfig>(
  { description: 'People who pay for what their keys ask, from balances of their own.' },
  {
    enabled: flag({ description: 'Whether there are users. Off: keys of users are answered `key_disabled`.' }, false),
  },
)
