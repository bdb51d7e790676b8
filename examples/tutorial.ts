// The tutorial of DYAD's C++ streams in TypeScript: writes "test" through a stream and reads it
// back. All of it is one process, so it needs no service.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { connect, type Dyad, DyadReadStream, DyadWriteStream } from '@dyad-ts/dyad'

async function producer(dyad: Dyad): Promise<void> {
  const out = new DyadWriteStream(dyad, 'test.txt')
  out.write('test\n')
  out.end()
  await finished(out)
}

async function consumer(dyad: Dyad): Promise<void> {
  const input = new DyadReadStream(dyad, 'test.txt')
  for await (const line of createInterface({ input })) console.log(line)
}

const directory = await mkdtemp(join(tmpdir(), 'dyad-tutorial-'))
try {
  await using dyad = await connect({
    kvs: 'memory:',
    namespace: 'tutorial',
    producerPath: directory,
    consumerPath: directory,
  })
  // The consumer comes first, and waits.
  await Promise.all([consumer(dyad), producer(dyad)])
} finally {
  await rm(directory, { recursive: true })
}
