import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FetchRequest, ManagedSource, type Transfer, type Transport } from '@dyad-ts/core'
import { test } from 'tap'
import { rdmaTransport } from '../../src/index.js'
import { queuePairs } from '../support/kernel.js'

const MiB = 1024 * 1024
const SIZE = 20 * MiB + 5

/** Mounts a tmpfs of `size` bytes on a directory of its own, until the disposal. */
function tmpfs(size: number): { readonly root: string } & Disposable {
  const root = mkdtempSync(join(tmpdir(), 'dyad-pages-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', root])
  return { root, [Symbol.dispose]: () => void execFileSync('umount', ['--lazy', root]) }
}

/**
 * Starts an owner of one file of random bytes, and a side that fetches it, on a tmpfs of their own.
 */
async function ownerOf(size = SIZE) {
  const { root, [Symbol.dispose]: unmount } = tmpfs(100 * MiB)
  const storage = `${root}/managed`
  mkdirSync(storage)
  const content = randomBytes(size)
  writeFileSync(`${storage}/file`, content)
  const { mtimeNs } = statSync(`${storage}/file`, { bigint: true })
  const owner: Transport = rdmaTransport({ token: 'secret' })
  const consumer: Transport = rdmaTransport({ token: 'secret' })
  const server = await owner.serve(await ManagedSource.open([storage]))
  const request: FetchRequest = { storage, path: 'file', size, mtimeNs }
  return {
    root,
    file: `${storage}/file`,
    content,
    fetch: (part = {}) => consumer.fetch(server.address, { ...request, ...part }),
    async [Symbol.asyncDispose]() {
      await consumer.close()
      await server.close()
      await owner.close()
      unmount()
    },
  }
}

async function receive(transfer: Transfer, path: string, position = 0): Promise<number> {
  const fd = openSync(path, 'w+')
  let received = 0
  try {
    for await (const length of transfer.receiveInto?.(fd, position) ?? []) received += length
    return received
  } finally {
    await transfer.close()
    closeSync(fd)
  }
}

test('from the pages of a file into the pages of a file', async (t) => {
  await using world = await ownerOf()
  const { root, content, fetch } = world
  t.equal(await receive(await fetch(), `${root}/whole`), SIZE)
  t.ok(readFileSync(`${root}/whole`).equals(content))
  const start = 3 * MiB + 1
  t.equal(await receive(await fetch({ start }), `${root}/part`, 7), SIZE - start)
  t.ok(readFileSync(`${root}/part`).subarray(7).equals(content.subarray(start)))
  const chunks: Buffer[] = []
  for await (const chunk of await fetch()) chunks.push(Buffer.from(chunk))
  t.ok(Buffer.concat(chunks).equals(content), 'and in chunks')
})

test('a file that is not in memory, or has its places already, is not received into', async (t) => {
  await using world = await ownerOf()
  const { root, fetch } = world
  await using small = await fetch({ end: MiB })
  const fd = openSync(`${root}/small`, 'w+')
  t.equal(small.receiveInto?.(fd, 0), undefined)
  closeSync(fd)
  await using large = await fetch()
  const disk = openSync('/dev/null', 'r+')
  t.equal(large.receiveInto?.(disk, 0), undefined)
  closeSync(disk)
})

test('the error of a full file system arrives', async (t) => {
  await using world = await ownerOf()
  const { fetch } = world
  using full = tmpfs(18 * MiB)
  await t.rejects(receive(await fetch(), `${full.root}/file`), { code: 'ENOSPC' })
  using fuller = tmpfs(4 * MiB)
  const transfer = await fetch()
  const fd = openSync(`${fuller.root}/file`, 'w+')
  t.equal(transfer.receiveInto?.(fd, 0), undefined, 'where nothing can be mapped, storing says why')
  closeSync(fd)
  await transfer.close()
})

test('a place in a file that was found and not used leaves the connection as it was', async (t) => {
  await using world = await ownerOf()
  const { root, content, fetch } = world
  const whole = async () => {
    const chunks: Buffer[] = []
    for await (const chunk of await fetch()) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks).equals(content)
  }
  t.ok(await whole())
  const connections = queuePairs(process.pid)
  t.ok(connections.length > 0)
  const transfer = await fetch()
  const fd = openSync(`${root}/unused`, 'w+')
  t.ok(transfer.receiveInto?.(fd, 0))
  await transfer.close()
  closeSync(fd)
  // Windows are used again. Only transfers at once use more than one.
  t.strictSame(await Promise.all([whole(), whole(), whole()]), [true, true, true])
  t.strictSame(queuePairs(process.pid), connections)
})

for (const { what, change } of [
  { what: 'rewritten', change: (file: string) => writeFileSync(file, Buffer.alloc(SIZE, 'x')) },
  { what: 'cut short', change: (file: string) => truncateSync(file, MiB) },
]) {
  test(`a file that is ${what} while its pages are sent is told of, and not all of it is handed over`, async (t) => {
    await using world = await ownerOf()
    const { root, file, fetch } = world
    const transfer = await fetch()
    const fd = openSync(`${root}/target`, 'w+')
    let received = 0
    const all = async () => {
      for await (const length of transfer.receiveInto?.(fd, 0) ?? []) {
        if (received === 0) change(file)
        received += length
      }
    }
    await t.rejects(all(), { code: 'ERR_DYAD_CHANGED' })
    t.ok(received < SIZE)
    await transfer.close()
    closeSync(fd)
  })
}

test('given up midway, nothing is mapped or registered any more', async (t) => {
  await using world = await ownerOf()
  const { root, fetch } = world
  const mapped = () =>
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((line) => line.includes(root))
  for (let i = 0; i < 3; i++) {
    const transfer = await fetch()
    const fd = openSync(`${root}/target`, 'w+')
    const steps = transfer.receiveInto?.(fd, 0)?.[Symbol.asyncIterator]()
    await steps?.next()
    await transfer.close()
    t.strictSame(
      mapped().filter((line) => line.includes('target')),
      [],
    )
    closeSync(fd)
  }
})
