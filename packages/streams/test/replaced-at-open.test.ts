import fs, { renameSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'tap'
import { DyadReadStream, DyadWriteStream } from '../src/index.js'
import { TwoNodes } from './session.js'

test('a file that is replaced by a longer one between the look and the open is not read as the published one', async (t) => {
  await using nodes = await TwoNodes.open()
  const content = Buffer.alloc(100_000, 'x')
  await pipeline(Readable.from([content]), new DyadWriteStream(await nodes.producer(), 'x'))
  const consumer = await nodes.consumer()
  const read = async () => Buffer.concat(await Readable.from(new DyadReadStream(consumer, 'x')).toArray())
  t.ok((await read()).equals(content))

  const place = `${nodes.consumed}/x`
  writeFileSync(`${place}-aside`, Buffer.alloc(200_000, 'y'))
  const { openSync } = fs
  let replaced = 0
  fs.openSync = (...args) => {
    if (args[0] === place && replaced++ === 0) renameSync(`${place}-aside`, place)
    return openSync(...args)
  }
  syncBuiltinESMExports()
  try {
    t.ok((await read()).equals(content), 'it is fetched anew')
    t.ok(replaced > 0, 'that was between')
  } finally {
    fs.openSync = openSync
    syncBuiltinESMExports()
  }
})
