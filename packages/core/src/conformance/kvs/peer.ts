import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { KvsClient, Lease } from '../../kvs/contract.js'
import type { Writer } from './contract.js'

/** What the suite asks of its peer. */
type Command =
  | { op: 'put'; namespace: string; key: string; value: Uint8Array }
  | { op: 'create' | 'remove'; name: string }
  | { op: 'register'; key: string; value: Uint8Array; ttl: number; takeover: boolean }
  | { op: 'lease'; namespace: string; key: string }
  | { op: 'leased' }

type Answer = { number: number; result: number } | { number: number; failure: string }

/**
 * Makes this process the peer of `kvsConformance`: it does with a client of its own what the suite
 * asks, until the suite hangs up.
 */
export function serveKvsPeer(create: () => KvsClient | Promise<KvsClient>): void {
  const client = Promise.resolve(create())
  const kept = new Kept()
  const answer = (reply: Answer) => {
    if (process.connected) process.send?.(reply)
  }
  process.on('message', async ({ number, command }: { number: number; command: Command }) => {
    try {
      answer({ number, result: await obey(await client, command, kept) })
    } catch (error) {
      answer({ number, failure: String(error) })
    }
  })
  process.on('disconnect', async () => {
    await (await client).close()
  })
}

/** The lease taken last. */
class Kept {
  #lease: Lease | undefined

  get valid(): boolean {
    return this.#lease?.valid === true
  }

  async take(client: KvsClient, namespace: string, key: string): Promise<boolean> {
    this.#lease = await client.namespace(namespace).lease?.(key)
    return this.valid
  }
}

async function obey(client: KvsClient, command: Command, kept: Kept): Promise<number> {
  switch (command.op) {
    case 'put':
      return (await client.namespace(command.namespace).put(command.key, command.value)).revision
    case 'create':
      await client.createNamespace(command.name)
      return 0
    case 'remove':
      await client.removeNamespace(command.name)
      return 0
    case 'register':
      await client.register(command.key, command.value, { ttl: command.ttl, takeover: command.takeover })
      return 0
    case 'lease':
      return Number(await kept.take(client, command.namespace, command.key))
    case 'leased':
      return Number(kept.valid)
  }
}

/** A second client in this process. */
export function writerHere(client: KvsClient, crash: ((client: KvsClient) => void) | undefined): Writer {
  const kept = new Kept()
  return {
    put: async (namespace, key, value) => (await client.namespace(namespace).put(key, value)).revision,
    createNamespace: (name) => client.createNamespace(name),
    removeNamespace: (name) => client.removeNamespace(name),
    async register(key, value, ttl, takeover) {
      await client.register(key, value, { ttl, takeover })
    },
    lease: (namespace, key) => kept.take(client, namespace, key),
    leased: () => Promise.resolve(kept.valid),
    hang: () => {},
    goOn: () => {},
    die: () => crash?.(client),
    close: () => client.close(),
  }
}

/** A client in another process. */
export function writerElsewhere(child: ChildProcess): Writer {
  const pending = new Map<number, { resolve(result: number): void; reject(error: Error): void }>()
  let last = 0
  const gone = once(child, 'exit')
  child.on('message', (answer: Answer) => {
    const caller = pending.get(answer.number)
    pending.delete(answer.number)
    if ('failure' in answer) caller?.reject(new Error(`the peer failed: ${answer.failure}`))
    else caller?.resolve(answer.result)
  })
  child.on('exit', () => {
    for (const { reject } of pending.values()) reject(new Error('the peer died'))
    pending.clear()
  })
  const ask = (command: Command): Promise<number> =>
    new Promise((resolve, reject) => {
      last++
      pending.set(last, { resolve, reject })
      child.send({ number: last, command }, (error) => {
        if (error) reject(error)
      })
    })
  return {
    put: (namespace, key, value) => ask({ op: 'put', namespace, key, value }),
    async createNamespace(name) {
      await ask({ op: 'create', name })
    },
    async removeNamespace(name) {
      await ask({ op: 'remove', name })
    },
    async register(key, value, ttl, takeover = false) {
      await ask({ op: 'register', key, value, ttl, takeover })
    },
    lease: async (namespace, key) => (await ask({ op: 'lease', namespace, key })) === 1,
    leased: async () => (await ask({ op: 'leased' })) === 1,
    hang: () => {
      child.kill('SIGSTOP')
    },
    goOn: () => {
      child.kill('SIGCONT')
    },
    die: () => {
      child.kill('SIGKILL')
    },
    async close() {
      if (child.connected) child.disconnect()
      await gone
    },
  }
}
