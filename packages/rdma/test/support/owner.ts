import type { FileVersion } from '@dyad-ts/core'
import { PeerProcess, type Teardown } from './peer-process.js'

/** Counts of the owner's side so far; see serveTransportPeer. */
export interface Counts {
  readonly opened: number
  readonly open: number
  readonly read: Readonly<Record<string, number>>
}

/** A process that serves a directory over rdma, with the token `secret`. */
export class OwnerProcess extends PeerProcess {
  readonly #storage: string
  address = ''

  private constructor(t: Teardown, storage: string) {
    super(t, 'rdma')
    this.#storage = storage
  }

  static async serve(t: Teardown, storage: string): Promise<OwnerProcess> {
    const owner = new OwnerProcess(t, storage)
    owner.address = await owner.ask<string>('serve', { storage })
    return owner
  }

  counts(): Promise<Counts> {
    return this.ask('counts', { storage: this.#storage })
  }

  /** Resolves once the owner has no file open. */
  idle(): Promise<void> {
    return this.ask('idle', { storage: this.#storage })
  }
}

/** The file that a consumer process fetches. */
export interface Wanted {
  readonly address: string
  readonly version: FileVersion
}
