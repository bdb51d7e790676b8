import assert from 'node:assert/strict'
import type { DtlMode } from '@dyad-ts/dyad'
import { type Cell, play } from './cells.js'
import type { Dice } from './dice.js'
import { Site } from './site.js'

/** A cell, a start or an end that takes longer hangs, in ms. */
const HANG_MS = 60_000

/** A cell that failed, and why. */
export interface Failure {
  readonly what: string
  readonly error: unknown
}

/**
 * Plays the cells one after the other on one site, then ends it; resolves with the failures. After
 * a failure the remaining cells have a new site.
 */
export async function playRound(cells: readonly Cell[], dtlMode: DtlMode, dice: Dice): Promise<Failure[]> {
  const failures: Failure[] = []
  const attempt = async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await hangs(work())
      return true
    } catch (error) {
      failures.push({ what, error })
      return false
    }
  }
  let site: Site | undefined
  const leave = async () => {
    await site?.[Symbol.asyncDispose]()
    site = undefined
  }
  try {
    for (const [number, cell] of cells.entries()) {
      const { fault, moment, victim } = cell
      site ??= await hangs(Site.start(dtlMode))
      const played = site
      if (!(await attempt(`${fault} ${moment} ${victim}`, () => play(cell, `cells/${number}`, played, dice)))) {
        await leave()
      }
    }
    const played = site
    if (played !== undefined) await attempt('the end of the round', () => endInOrder(played))
    return failures
  } finally {
    await leave()
  }
}

/**
 * Everything ends on request, and no temporary file is left once others have stored in the same
 * directory.
 */
async function endInOrder(site: Site): Promise<void> {
  const ends = ['producer', 'consumer'] as const
  for (const victim of ends) {
    await site.process(victim).ask('close')
    await site.startAgain(victim)
  }
  await site.process('producer').ask('write', 'cells/last', 100_000, 1)
  await site.process('consumer').ask('read', 'cells/last')
  for (const victim of ends) await site.process(victim).ask('close')
  for (const directory of ['a', 'b']) {
    const left = site.cluster.files(directory).filter((name) => name.includes('.dyad-'))
    assert.deepEqual(left, [], `no temporary file is left in ${directory}`)
  }
  for (const victim of ['consumer-service', 'producer-service', 'broker'] as const) {
    await site.process(victim).ask('stop')
  }
}

/** Settles as `work` does, or rejects when that takes too long. */
async function hangs<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it hangs: nothing came for ${HANG_MS / 1000} s`)), HANG_MS)
  })
  try {
    return await Promise.race([work, hung])
  } finally {
    clearTimeout(timer)
  }
}
