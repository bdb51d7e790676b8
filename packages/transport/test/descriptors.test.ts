import { copyFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type FileSource, type FileVersion, ManagedSource, type SourceFile } from '@dyad-ts/core'
import { withDescriptors } from '@dyad-ts/core/internal'
import { test } from 'tap'
import { outputFrom } from '../../../test/harness/child.js'
import { startLimited } from '../../../test/harness/limited-process.js'
import { rpcTransport, tcpTransport } from '../src/index.js'
import { serveTcp } from '../src/tcp/server.js'
import { RawSocket } from './support/raw-tcp.js'
import { serveFile } from './support/served.js'

/** Connections that an owner admits in the last test, more than all its other descriptors. */
const ADMITTED = 64

const shortage = () => Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })

/** The files of another source, for which no descriptor is free until the test frees one. */
class ShortSource implements FileSource {
  readonly #source: FileSource
  readonly opened: string[] = []
  isFree = false
  #tried: (path: string) => void = () => {}

  constructor(source: FileSource) {
    this.#source = source
  }

  get directories() {
    return this.#source.directories
  }

  async open(version: FileVersion): Promise<SourceFile> {
    this.#tried(version.path)
    if (!this.isFree) throw shortage()
    this.opened.push(version.path)
    return this.#source.open(version)
  }

  /** Resolves with the path of the next attempt. */
  tried(): Promise<string> {
    return new Promise((resolve) => {
      this.#tried = resolve
    })
  }
}

for (const [name, make] of Object.entries({ tcp: tcpTransport, rpc: rpcTransport })) {
  test(`an owner without a free descriptor serves over ${name} as soon as there is one`, async (t) => {
    await using transport = make()
    await using served = await serveFile(rpcTransport())
    const source = new ShortSource(await ManagedSource.open([served.storage]))
    await using server = await transport.serve(source)
    let received = 0
    const receiving = (async () => {
      for await (const chunk of await transport.fetch(server.address, served.version)) received += chunk.length
    })()
    const ended = receiving.then(() => 'ended', String)
    for (let n = 0; n < 3; n++) t.equal(await Promise.race([source.tried(), ended]), 'file', 'it tries again')
    source.isFree = true
    await receiving
    t.equal(received, served.version.size)
  })

  test(`a client that leaves ends the wait of its owner over ${name}`, async (t) => {
    await using transport = make()
    await using served = await serveFile(rpcTransport())
    await copyFile(join(served.storage, 'file'), join(served.storage, 'other'))
    const { mtimeNs } = await stat(join(served.storage, 'other'), { bigint: true })
    const source = new ShortSource(await ManagedSource.open([served.storage]))
    await using server = await transport.serve(source)
    const control = new AbortController()
    const first = transport.fetch(server.address, served.version, { signal: control.signal })
    await source.tried()
    const second = transport.fetch(server.address, { ...served.version, path: 'other', mtimeNs })
    control.abort(new Error('enough'))
    await t.rejects(first, /enough/)
    // The first that waits is the first that tries.
    let next = ''
    const ended = second.then(() => 'ended', String)
    for (let n = 0; n < 20 && next !== 'other'; n++) next = await Promise.race([source.tried(), ended])
    t.equal(next, 'other', 'the next one has its turn')
    source.isFree = true
    await (await second).close()
    t.strictSame(source.opened, ['other'])
  })
}

test('an owner short of descriptors ends a connection that does nothing', async (t) => {
  await using served = await serveFile(rpcTransport())
  const source = await ManagedSource.open([served.storage])
  await using server = await serveTcp(source, { token: undefined, chunkBytes: 65_536 })
  await using idle = await RawSocket.open(server.address)
  await idle.introduce(undefined)
  let isClosed = false
  const closed = idle.rest().then(() => {
    isClosed = true
  })
  await withDescriptors(() => {
    if (!isClosed) throw shortage()
  })
  await closed
  t.ok(isClosed)
})

test('an owner admits a quarter as many connections as it may have descriptors', async (t) => {
  await using served = await serveFile(rpcTransport())
  const program = `
    import { ManagedSource } from '@dyad-ts/core'
    import { serveTcp } from ${JSON.stringify(new URL('../src/tcp/server.ts', import.meta.url).href)}
    const source = await ManagedSource.open([${JSON.stringify(served.storage)}])
    const { address } = await serveTcp(source, { token: undefined, chunkBytes: 65_536 })
    process.stdout.write(address)`
  const child = startLimited(t, 4 * ADMITTED, program, { cwd: new URL('.', import.meta.url) })
  const address = await outputFrom(child)
  const sockets: RawSocket[] = []
  try {
    for (let n = 0; n <= ADMITTED; n++) {
      const socket = await RawSocket.open(address)
      sockets.push(socket)
      await socket.introduce(undefined)
    }
    const [oldest, ...others] = sockets
    const closed = [oldest?.rest().then(() => 'oldest'), others[0]?.rest().then(() => 'next')]
    const first = await Promise.race([...closed, delay(60_000, 'none', { ref: false })])
    t.equal(first, 'oldest', 'the oldest that does nothing makes room')
    t.equal(others.filter(({ socket }) => !socket.destroyed).length, ADMITTED)
  } finally {
    for (const socket of sockets) socket.socket.destroy()
  }
})
