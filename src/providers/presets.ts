// Every provider that works by naming it: a new OpenAI-compatible host is a row in one of these tables.
import type { Preset } from './preset.ts'
import { CLOUD_PRESETS } from './presets-clouds.ts'
import { HOST_PRESETS } from './presets-hosts.ts'
import { LAB_PRESETS } from './presets-labs.ts'
import { LOCAL_PRESETS } from './presets-local.ts'
import { MEDIA_PRESETS } from './presets-media.ts'

/** Preset name → row. The order is the order in which the environment is searched. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  ...LAB_PRESETS,
  ...HOST_PRESETS,
  ...MEDIA_PRESETS,
  ...CLOUD_PRESETS,
  ...LOCAL_PRESETS,
}
