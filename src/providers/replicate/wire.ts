// Replicate: pictures.
import type { Wire } from '../wire.ts'
import { replicateImagesWire } from './images.ts'

export const replicateWire: Wire = {
  id: 'replicate',
  native: {},
  chat: null,
  operations: { images: replicateImagesWire },
}
