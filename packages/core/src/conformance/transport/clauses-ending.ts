import { ok, strictEqual } from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { truncate } from 'node:fs/promises'
import { MAX_CHUNK_BYTES } from '../../transfer/contract.js'
import { drain, expectContent, expectReason, expectRejection, expectWholeOr, take } from './collect.js'
import { backdate, versionOf } from './content.js'
import type { Clause, World } from './contract.js'

const MIB = 1024 * 1024
/** Larger than what any transport may keep under way. */
const SIZE = 24 * MIB
/** What may be read at the owner before the reader asks for it, in bytes. */
const MAX_AHEAD = 4 * MAX_CHUNK_BYTES

/** How transfers end before their end, and what they leave. */
export const endingClauses: readonly Clause[] = [
  {
    name: 'an abort before the start',
    async run({ write, transport, owner }) {
      const version = await write('file', 10)
      const reason = { why: 'early' }
      await expectReason(transport.fetch(owner.address, version, { signal: AbortSignal.abort(reason) }), reason)
      strictEqual((await owner.counts()).opened, 0, 'files opened at the owner')
    },
  },
  {
    name: 'an abort while the owner opens the file',
    async run({ write, transport, owner }) {
      const version = await write('file', 10)
      const abort = new AbortController()
      const fetching = transport.fetch(owner.address, version, { signal: abort.signal })
      abort.abort('while opening')
      await expectReason(fetching, 'while opening')
      await owner.idle()
    },
  },
  {
    name: 'an abort midway',
    async run({ write, transport, owner }) {
      const version = await write('file', SIZE)
      const abort = new AbortController()
      const reason = new Error('midway')
      const transfer = await transport.fetch(owner.address, version, { signal: abort.signal })
      const chunks = transfer[Symbol.asyncIterator]()
      await take(chunks)
      abort.abort(reason)
      await expectReason(chunks.next(), reason)
      await endedAtOwner({ owner })
    },
  },
  {
    name: 'an abort that meets a waiting reader',
    async run({ write, transport, owner }) {
      const version = await write('file', SIZE)
      const abort = new AbortController()
      const transfer = await transport.fetch(owner.address, version, { signal: abort.signal })
      const chunks = transfer[Symbol.asyncIterator]()
      await take(chunks)
      const waiting = (async () => {
        for (;;) await take(chunks)
      })()
      abort.abort('waiting')
      await expectReason(waiting, 'waiting')
      await endedAtOwner({ owner })
    },
  },
  {
    name: 'no listener stays on the signal',
    async run({ write, transport, owner }) {
      const version = await write('file', 3 * MIB, 2)
      const { signal } = new AbortController()
      const readOne = async () => {
        const transfer = await transport.fetch(owner.address, version, { signal })
        await expectContent(transfer, 2, 0, version.size)
      }
      const leaveOne = async () => {
        const transfer = await transport.fetch(owner.address, version, { signal })
        await take(transfer[Symbol.asyncIterator]())
        await transfer.close()
      }
      const missOne = () =>
        expectRejection(transport.fetch(owner.address, { ...version, path: 'missing' }, { signal }), ['ERR_DYAD_GONE'])
      await Promise.all([1, 2, 3].flatMap(() => [readOne(), leaveOne(), missOne()]))
      strictEqual(getEventListeners(signal, 'abort').length, 0, 'listeners left on the signal')
    },
  },
  {
    name: 'an early return ends the transfer at the owner',
    async run({ write, transport, owner }) {
      const version = await write('file', SIZE, 1)
      for await (const chunk of await transport.fetch(owner.address, version)) {
        ok(chunk.length > 0)
        break
      }
      await endedAtOwner({ owner })
      const unread = await transport.fetch(owner.address, version)
      await unread[Symbol.asyncIterator]().return?.()
      await endedAtOwner({ owner })
    },
  },
  {
    name: 'closing a transfer ends it',
    async run({ write, transport, owner }) {
      const version = await write('file', SIZE)
      const transfer = await transport.fetch(owner.address, version)
      const chunks = transfer[Symbol.asyncIterator]()
      await take(chunks)
      await transfer.close()
      await transfer.close()
      await expectRejection(chunks.next(), ['ERR_DYAD_CLOSED'])
      await endedAtOwner({ owner })
    },
  },
  {
    name: 'a slow reader stops the owner, and nobody else',
    async run({ storage, write, transport, owner }) {
      await write('slow', 0)
      await truncate(`${storage}/slow`, 16 * MAX_AHEAD)
      await backdate(`${storage}/slow`)
      const slow = await transport.fetch(owner.address, await versionOf(storage, 'slow'))
      const chunks = slow[Symbol.asyncIterator]()
      let taken = 0
      for (let round = 0; round < 3; round++) {
        taken += (await take(chunks)).length
        // While the slow reader does nothing, a whole transfer on the same way must get through.
        const quick = await write(`quick-${round}`, 32 * MIB, round)
        await expectContent(await transport.fetch(owner.address, quick), round, 0, quick.size)
        const ahead = ((await owner.counts()).read.slow ?? 0) - taken
        ok(ahead <= MAX_AHEAD, `${ahead} bytes read ahead of the reader`)
      }
      await slow.close()
    },
  },
  {
    name: 'the owner dies midway',
    async run({ write, transport, owner }) {
      const [version, small] = [await write('file', SIZE, 6), await write('small', 10, 7)]
      const chunks = (await transport.fetch(owner.address, version))[Symbol.asyncIterator]()
      const first = Buffer.from(await take(chunks))
      await owner.kill()
      expectWholeOr(await drain(chunks, [first]), 6, SIZE, ['ERR_DYAD_TRANSFER'])
      // A transport that needs no owner goes on; any other says that nobody is there.
      const after = await transport.fetch(owner.address, small).catch((error: unknown) => error)
      if (after instanceof Error) {
        await expectRejection(Promise.reject(after), ['ERR_DYAD_OWNER_UNREACHABLE', 'ERR_DYAD_TRANSFER'])
        await expectRejection(transport.fetch(owner.address, small), ['ERR_DYAD_OWNER_UNREACHABLE'])
      }
    },
  },
  {
    name: 'closing the transport ends its transfers, and no others',
    async run({ write, transport, owner, another }) {
      const version = await write('file', SIZE, 5)
      const other = await another()
      const others = await other.fetch(owner.address, version)
      const chunks = (await transport.fetch(owner.address, version))[Symbol.asyncIterator]()
      const unread = (await transport.fetch(owner.address, { ...version, end: 10 }))[Symbol.asyncIterator]()
      await take(chunks)
      await Promise.all([transport.close(), transport.close()])
      await expectRejection(chunks.next(), ['ERR_DYAD_CLOSED'])
      await expectRejection(unread.next(), ['ERR_DYAD_CLOSED'])
      await expectRejection(transport.fetch(owner.address, version), ['ERR_DYAD_CLOSED'])
      await transport.close()
      await expectContent(others, 5, 0, version.size)
      await endedAtOwner({ owner })
    },
  },
]

async function endedAtOwner({ owner }: Pick<World, 'owner'>): Promise<void> {
  await owner.idle()
  strictEqual((await owner.counts()).open, 0, 'files left open at the owner')
}
