import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Broker, type BrokerClient, brokerKvs, startBroker } from '@dyad-ts/kvs-client'
import { endOf, messageFrom } from '../../../test/harness/child.js'

/** A broker, a client of it, and a directory, for one test. */
export class Fixture implements AsyncDisposable {
  readonly directory: string
  readonly broker: Broker
  readonly kvs: BrokerClient
  /** The services in other processes, in the order of their start. */
  readonly children: ChildProcess[] = []

  private constructor(directory: string, broker: Broker) {
    this.directory = directory
    this.broker = broker
    this.kvs = brokerKvs({ url: broker.url() })
  }

  static async make(): Promise<Fixture> {
    return new Fixture(await mkdtemp(join(tmpdir(), 'dyad-service-')), await startBroker())
  }

  at(name: string): string {
    return join(this.directory, name)
  }

  /** Starts a service in another process. */
  async service(node: string, leaseTtl: number): Promise<ChildProcess> {
    const peer = fileURLToPath(new URL('peers/service.ts', import.meta.url))
    const args = [this.broker.url(), node, this.at('state'), String(leaseTtl)]
    const child = fork(peer, args, { execArgv: ['--import=tsx'] })
    this.children.push(child)
    await messageFrom(child)
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL')
    await this.kvs.close()
    await this.broker.close()
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** Ends a process without notice, like a power cut. */
export async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await endOf(child)
}
