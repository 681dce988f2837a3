// What a subject is called, and whose it is: looked up when a message is made, so that a name that changed is the new one.
import type { AlertSubject } from '../core/alert.ts'
import type { KeyStore } from '../store/store.ts'

export type Named = {
  /** Null: it has no name beside its id, or it is gone. */
  readonly name: string | null
  readonly teamId: string | null
  readonly teamName: string | null
}

type Names = Pick<KeyStore, 'getKey' | 'getTeam'>

const NOBODY: Named = { name: null, teamId: null, teamName: null }

export async function namedBy(store: Names, { scope, id }: AlertSubject): Promise<Named> {
  switch (scope) {
    case 'team':
      return ofTeam(store, id, (teamName) => teamName)
    case 'key': {
      const key = await store.getKey(id)
      return key === null ? NOBODY : ofTeam(store, key.teamId, () => key.name)
    }
    case 'end_user': {
      // Its id begins with that of its team, or of its key where that has none.
      const slash = id.indexOf('/')
      const key = await store.getKey(id.slice(0, slash))
      return ofTeam(store, key === null ? id.slice(0, slash) : key.teamId, () => id.slice(slash + 1))
    }
    case 'gateway':
    case 'organisation':
    case 'user':
    case 'tag':
    case 'route':
    case 'provider':
    case 'model':
    case 'deployment':
    case 'credential':
    case 'experiment':
      return NOBODY
  }
}

async function ofTeam(
  store: Names,
  teamId: string | null,
  nameIn: (teamName: string | null) => string | null,
): Promise<Named> {
  const team = teamId === null ? null : await store.getTeam(teamId)
  return { name: nameIn(team?.name ?? null), teamId: team?.id ?? null, teamName: team?.name ?? null }
}
