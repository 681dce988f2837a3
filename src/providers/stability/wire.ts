// Stability: pictures.
import type { Wire } from '../wire.ts'
import { stabilityImagesWire } from './images.ts'

export const stabilityWire: Wire = {
  id: 'stability',
  native: {},
  chat: null,
  operations: { images: stabilityImagesWire },
}
