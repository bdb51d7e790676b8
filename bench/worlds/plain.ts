import type { Site } from '../site.js'
import type { World } from './world.js'

/**
 * One directory, in which the consumer finds what the producer has written before; nothing is
 * between them.
 */
export function plain(site: Site): World {
  const place = { directory: site.empty('plain'), env: {} }
  return {
    name: 'one plain directory',
    producer: place,
    consumer: place,
    async begin() {},
    clear: () => void site.empty('plain'),
  }
}
