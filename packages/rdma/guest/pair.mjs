// Two guests joined by a network: the cable runs through this process, so that no port of the host
// is taken.
import { pipeline } from 'node:stream'
import { bootGuest } from './boot.mjs'

const ADDRESSES = ['10.99.1.1', '10.99.1.2']
// Who is left alone gets this long to say what it thinks of that.
const FAREWELL_MS = 10_000

/** Joins what is plugged first to what is plugged second, both ways. */
function coupling() {
  let first
  return (end) => {
    if (first === undefined) first = end
    else pipeline(first, end, first, () => {})
  }
}

/**
 * Boots two guests, 10.99.1.1 and 10.99.1.2, and runs a command in each. What one writes to
 * /dev/virtio-ports/peer, the other reads there: thus it can be told to begin. Both stay on the
 * network until both commands ended; if one fails, the other is ended soon after.
 * @param {{ kernel: string, initrd: string }} image
 * @param {readonly [string, string]} commands
 * @param {(side: 0 | 1) => import('./boot.mjs').GuestOptions} optionsOf
 * @returns {Promise<PromiseSettledResult<number>[]>}
 */
export async function bootPair(image, commands, optionsOf) {
  const wires = coupling()
  const peers = coupling()
  const left = new AbortController()
  const ended = [0, 1].map(() => deferred())
  const both = Promise.all(ended.map(({ promise }) => promise)).then(() => {})
  let farewell
  const end = (side, isWell) => {
    ended[side].resolve()
    if (isWell) return
    const which = ['first', 'second'][side]
    farewell ??= setTimeout(() => left.abort(new Error(`ended, since the ${which} guest had failed`)), FAREWELL_MS)
  }
  const guests = commands.map(async (command, side) => {
    const options = optionsOf(side)
    const signal = AbortSignal.any([left.signal, ...(options.signal === undefined ? [] : [options.signal])])
    const network = {
      address: ADDRESSES[side],
      mac: `52:54:00:00:00:0${side + 1}`,
      plug: (wire, peer) => {
        wires(wire)
        peers(peer)
      },
      stay: (code) => {
        end(side, code === 0)
        return both
      },
    }
    try {
      return await bootGuest(image, command, { ...options, signal, network })
    } catch (error) {
      end(side, false)
      throw error
    }
  })
  try {
    return await Promise.allSettled(guests)
  } finally {
    clearTimeout(farewell)
  }
}

function deferred() {
  let resolve
  const promise = new Promise((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
