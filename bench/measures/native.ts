import type { Part } from '../part.js'
import { atOnce } from './native-at-once.js'
import { large } from './native-large.js'
import { latency } from './native-latency.js'
import { small } from './native-small.js'
import { unmanaged } from './native-unmanaged.js'

/**
 * C programs that nobody changed, under the preload library, beside DYAD in C where one is named.
 */
export const native: Part = {
  name: 'native',
  title: 'Unmodified programs',
  comparisons: (form) => [small(form), latency(form), ...large(form), atOnce(form), unmanaged(form)],
}
