import { type EventEmitter, once } from 'node:events'
import { DyadReadStream, DyadWriteStream } from '../src/index.js'
import { TwoNodes } from './session.js'

// Started with the name of an event: throws in its listener, and tells on stdout if the stream
// takes that for an error of its own.
await using nodes = await TwoNodes.open()
const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
const reader = new DyadReadStream(consumer, 'x')
const writer = new DyadWriteStream(producer, 'x')
for (const stream of [reader, writer] as EventEmitter[]) {
  stream.on('error', (error: Error) => console.log(error.message))
  for (const event of ['waiting', 'record', 'published']) {
    stream.on(event, () => {
      if (event === process.argv[2]) {
        process.on('exit', () => nodes.remove())
        throw new RangeError('thrown by a listener')
      }
      if (event === 'waiting') writer.end('content')
    })
  }
}
// Either may close first: consumers see a file before its writer hears that it is published.
await Promise.all([once(reader.resume(), 'close'), once(writer, 'close')])
