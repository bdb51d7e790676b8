import type { Part } from '../part.js'
import { consumeSmall } from './consume-small.js'
import { consumers } from './consumers.js'
import { fanOut } from './fan-out.js'
import { firstByte } from './first-byte.js'
import { latency } from './latency.js'
import { md } from './md.js'
import { memory } from './memory.js'
import { native } from './native.js'
import { produceSmall } from './produce-small.js'
import { storeMemory } from './store-memory.js'
import { storeRestart } from './store-restart.js'
import { storeScale } from './store-scale.js'
import { local, rpc, tcp } from './throughput.js'
import { verbs } from './verbs.js'

/** Every part, in the order in which they run and are shown. */
export const PARTS: readonly Part[] = [
  tcp,
  rpc,
  local,
  consumers,
  firstByte,
  consumeSmall,
  produceSmall,
  latency,
  memory,
  storeScale,
  storeMemory,
  storeRestart,
  md,
  fanOut,
  native,
  verbs,
]
