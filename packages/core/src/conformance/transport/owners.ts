import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { TransportAddress } from '../../transfer/contract.js'
import { ManagedSource } from '../../transfer/source.js'
import type { Counts, Owner, TransportConformanceOptions } from './contract.js'
import { CountingSource } from './counting-source.js'
import type { PeerReply, PeerRequest } from './peer.js'

/** Serves `storage` in this process. */
export async function ownerHere(create: TransportConformanceOptions['create'], storage: string): Promise<Owner> {
  const source = new CountingSource(await ManagedSource.open([storage]))
  const transport = await create()
  const server = await transport.serve(source)
  const close = async () => {
    await server.close()
    await server.close()
    await transport.close()
  }
  return {
    address: server.address,
    counts: async () => source.counts(),
    idle: () => source.idle(),
    kill: close,
    close,
  }
}

/**
 * A process that serves for one clause after another; a new one takes its place when a clause
 * killed it.
 */
export class PeerProcess {
  readonly #module: URL | string
  #peer: Peer | undefined

  constructor(module: URL | string) {
    this.#module = module
  }

  /** Serves `storage` there. */
  async owner(storage: string): Promise<Owner> {
    if (!this.#peer?.alive) this.#peer = new Peer(this.#module)
    const peer = this.#peer
    const address = (await peer.ask('serve', storage)) as TransportAddress
    return {
      address,
      counts: async () => (await peer.ask('counts', storage)) as Counts,
      idle: async () => {
        if (peer.alive) await peer.ask('idle', storage)
      },
      kill: () => peer.kill(),
      close: async () => {
        if (peer.alive) await peer.ask('close', storage)
      },
    }
  }

  /** Hangs up; the process ends by itself unless a transport left something open there. */
  async leave(): Promise<void> {
    await this.#peer?.leave()
  }

  async kill(): Promise<void> {
    await this.#peer?.kill()
  }
}

class Peer {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #nextId = 0

  constructor(module: URL | string) {
    this.#child = fork(module, [], { execArgv: process.execArgv, serialization: 'advanced' })
    this.#exited = once(this.#child, 'exit').finally(() => {
      for (const { reject } of this.#asked.values()) reject(new Error('the peer process is gone'))
    })
    this.#exited.catch(() => {})
    this.#child.on('message', ({ id, value, error }: PeerReply) => {
      const asked = this.#asked.get(id)
      this.#asked.delete(id)
      if (error === undefined) asked?.resolve(value)
      else asked?.reject(new Error(error))
    })
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  ask(op: PeerRequest['op'], storage: string): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject })
      this.#child.send({ id, op, storage } satisfies PeerRequest, (error) => {
        if (error) reject(error)
      })
    })
  }

  async kill(): Promise<void> {
    if (this.alive) this.#child.kill('SIGKILL')
    await this.#exited
  }

  async leave(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#exited
  }
}
