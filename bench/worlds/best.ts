import type { Values } from '../row.js'
import type { World } from './world.js'

/**
 * Measures in one world after the other; resolves with the best of each figure, and with all of
 * them under the name of the figure and of the world.
 * @param better the better of two figures
 */
export async function bestOf(
  worlds: readonly World[],
  measure: (world: World) => Promise<Values>,
  better: (a: number, b: number) => number,
): Promise<Values> {
  const found: Record<string, number> = {}
  for (const world of worlds) {
    for (const [name, value] of Object.entries(await measure(world))) {
      found[name] = better(found[name] ?? value, value)
      found[`${name}, ${world.name}`] = value
    }
  }
  return found
}
