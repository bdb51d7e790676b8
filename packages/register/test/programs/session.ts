/** Produces or consumes by its own session, while it also takes part by its node:fs. */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, DyadReadStream, DyadWriteStream } from '@dyad-ts/dyad'

const [how = '', directory = ''] = process.argv.slice(2)
await using dyad = await connect()

async function write(name: string, content: string): Promise<void> {
  const stream = new DyadWriteStream(dyad, join(directory, name))
  stream.end(content)
  await once(stream, 'close')
}

if (how === 'produce') {
  await write('stream', 'by a stream')
  await writeFile(join(directory, 'plain'), 'by node:fs')
  await write('changed', 'one')
  const file = await dyad.open(join(directory, 'changed'), 'r+')
  await file.write('two')
  await file.close()
  await once(new DyadWriteStream(dyad, join(directory, 'changed'), { flags: 'r+' }).end('three'), 'close')
  await writeFile(join(directory, 'handed'), 'by node:fs, and by hand')
  await dyad.produce(join(directory, 'handed'))
} else {
  const streamed = await text(new DyadReadStream(dyad, join(directory, 'stream')))
  const plain = await readFile(join(directory, 'plain'), 'utf8')
  const path = await dyad.consume(join(directory, 'handed'))
  const changed = await text(new DyadReadStream(dyad, join(directory, 'changed')))
  const file = await dyad.open('stream', 'r')
  const opened = await file.readFile('utf8')
  await file.close()
  process.stdout.write(JSON.stringify([streamed, plain, await readFile(path, 'utf8'), opened, changed]))
}
