import { transportConformance } from '@dyad/core/conformance'
import { test } from 'tap'
import { localTransport } from '../src/index.js'

transportConformance(test, { create: () => localTransport(), peer: new URL('./peers/local.ts', import.meta.url) })
