import { descriptorLimit } from '../files/descriptors.js'
import { Slots } from '../transfer/slots.js'

/**
 * Files on their way from one owner at once. A transport carries no more, and time spent waiting
 * there would count against the owner.
 */
const MOST_OF_ONE = 256
/**
 * Descriptors that this process may have for each: the file, its directory, a connection, and a
 * reader.
 */
const DESCRIPTORS_FOR_EACH = 4

interface Owner {
  readonly slots: Slots
  users: number
}

/**
 * The places for files on their way here. A file that waits for a place holds nothing meanwhile.
 */
export class FlightPlaces {
  readonly #all = new Slots(Math.ceil(descriptorLimit() / DESCRIPTORS_FOR_EACH))
  readonly #owners = new Map<string, Owner>()

  /**
   * Runs `work` when there is a place for one more file of that owner. Rejects with the signal's
   * reason, too.
   */
  async run<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const owner = this.#owners.get(name) ?? { slots: new Slots(MOST_OF_ONE), users: 0 }
    this.#owners.set(name, owner)
    owner.users++
    try {
      return await within(owner.slots, signal, () => within(this.#all, signal, work))
    } finally {
      if (--owner.users === 0) this.#owners.delete(name)
    }
  }
}

async function within<T>(slots: Slots, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (!slots.tryAcquire()) await slots.acquire(signal)
  try {
    return await work()
  } finally {
    slots.release()
  }
}
