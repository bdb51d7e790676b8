// Runs programs that are tests for two hosts: each in a pair of guests of its own, as the owner in
// one and as the consumer in the other.
import { bootPair } from './pair.mjs'
import { prefixLines } from './prefix-lines.mjs'
import { quote } from './quote.mjs'

const ROLES = ['owner', 'consumer']
const SECONDS = 480

/**
 * @param {{ kernel: string, initrd: string }} image
 * @param {string} file
 * @param {import('./boot.mjs').GuestOptions} options
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} whether both ended well
 */
export async function pairTest(image, file, options, say) {
  const began = performance.now()
  const commands = ROLES.map((role) => `${quote(process.execPath)} --import=tsx ${quote(file)} ${role}`)
  const results = await bootPair(image, commands, (side) => ({
    memory: 1024,
    cpus: 1,
    seconds: SECONDS,
    ...options,
    stdout: prefixLines(`${ROLES[side]}: `, process.stdout),
    stderr: prefixLines(`${ROLES[side]}: `, process.stderr),
  }))
  const problems = results.map(({ status, value, reason }) =>
    status === 'rejected' ? reason.message : value === 0 ? undefined : `ended with ${value}`,
  )
  const isWell = problems.every((problem) => problem === undefined)
  say(`${isWell ? 'ok' : 'not ok'} ${file}, ${((performance.now() - began) / 1000).toFixed(1)} s`)
  for (const [side, problem] of problems.entries()) if (problem !== undefined) say(`  ${ROLES[side]}: ${problem}`)
  return isWell
}
