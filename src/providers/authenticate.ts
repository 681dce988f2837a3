// Credentials that are worked for, where others are sent as they are: a signature of AWS for each request, a token of
// Google's that is renewed each hour.
import type { Credential, Provider } from '../core/model.ts'
import { awsRegionOf, createAwsSigner, readAwsCredential } from './aws-signature.ts'
import type { AwsRequest } from './aws-signature.ts'
import { UpstreamFailure } from './failure.ts'
import { createGoogleTokens, readServiceAccount } from './google-token.ts'
import type { GoogleTokens, TokenReply, TokenRequest } from './google-token.ts'

/**
 * The headers that authenticate a request, to be added to it; null where its credential stands in them already. What is
 * asked for may not be changed afterwards. Rejects with UpstreamFailure.
 */
export type Authenticate = (
  provider: Provider,
  credential: Credential,
  request: AwsRequest,
) => Promise<Readonly<Record<string, string>>> | null

type AuthenticateTools = {
  /** Ms since the epoch. */
  readonly now: () => number
  /** Exchanges a claim for a token, by the way on which the provider is reached. */
  readonly exchange: (provider: Provider, request: TokenRequest) => Promise<TokenReply>
}

export function createAuthenticate({ now, exchange }: AuthenticateTools): Authenticate {
  const signAws = createAwsSigner(now)
  const tokens = new WeakMap<Credential, GoogleTokens>()

  function tokensOf(provider: Provider, credential: Credential): GoogleTokens {
    let found = tokens.get(credential)
    if (found === undefined) {
      const account = readServiceAccount(credential.secret)
      found = createGoogleTokens(account, (request) => exchange(provider, request), now)
      tokens.set(credential, found)
    }
    return found
  }

  return (provider, credential, request) => {
    const { auth } = provider
    switch (auth.type) {
      case 'aws': {
        const region = awsRegionOf(provider)
        if (region === null) return Promise.reject(new UpstreamFailure({ type: 'unreachable', reason: NO_REGION }))
        return signAws(request, readAwsCredential(credential.secret), { region, service: auth.service })
      }
      case 'google':
        return isServiceAccount(credential.secret)
          ? tokensOf(provider, credential)().then(bearer)
          : Promise.resolve(bearer(credential.secret))
      case 'bearer':
      case 'header':
      case 'query':
      case 'none':
        return null
    }
  }
}

const NO_REGION = 'no region is known to sign the request for'

/** Whether a secret is the text of a key file; else it is an access token. */
export function isServiceAccount(secret: string): boolean {
  return secret.startsWith('{')
}

function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` }
}
