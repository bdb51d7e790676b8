import type { FileVersion } from '@dyad-ts/core'
import { PeerProcess, type Teardown } from './peer-process.js'

/** What the owner's side has done so far; see serveTransportPeer. */
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

  /** Resolves when no file is open there. */
  idle(): Promise<void> {
    return this.ask('idle', { storage: this.#storage })
  }
}

/** What a consumer process is asked to fetch. */
export interface Wanted {
  readonly address: string
  readonly version: FileVersion
}
