// The version that this program says it has.
import manifest from '../package.json' with { type: 'json' }

export const VERSION: string = manifest.version
