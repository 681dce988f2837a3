// fal: pictures.
import type { Wire } from '../wire.ts'
import { falImagesWire } from './images.ts'

export const falWire: Wire = {
  id: 'fal',
  native: {},
  chat: null,
  operations: { images: falImagesWire },
}
