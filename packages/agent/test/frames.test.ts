import t from 'tap'
import { FrameReader } from '../src/frames.js'

function framed(kind: number, id: number, bodyBytes: number): Buffer {
  const frame = Buffer.alloc(9 + bodyBytes, `${kind} ${id}`)
  frame.writeUInt32LE(5 + bodyBytes)
  frame[4] = kind
  frame.writeUInt32LE(id, 5)
  return frame
}

/** Returns the frames that come out, as they would be written. */
function read(chunks: readonly Buffer[]): { frames: Buffer[]; reader: FrameReader } {
  const frames: Buffer[] = []
  const reader = new FrameReader()
  for (const chunk of chunks) {
    reader.push(chunk, (bytes, start, end) => frames.push(Buffer.from(bytes.subarray(start - 4, end))))
  }
  return { frames, reader }
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

t.test('frames come out whole, however they are cut', async (t) => {
  const frames = [framed(1, 1, 0), framed(2, 2, 1), framed(3, 3, 300), framed(4, 4, 65_531), framed(5, 2 ** 32 - 1, 7)]
  const all = Buffer.concat(frames)
  for (const size of [1, 2, 3, 4, 5, 8, 9, 10, 11, 313, 4_096, 65_540, all.length]) {
    const { frames: found, reader } = read([...pieces(all, size)])
    t.strictSame(found, frames, `in pieces of ${size} bytes`)
    t.equal(reader.isMidway, false)
  }
  for (let at = 1; at < 20; at++) {
    const { frames: found, reader } = read([all.subarray(0, at), all.subarray(at, 60), all.subarray(60)])
    t.strictSame(found, frames, `cut at ${at}`)
    t.equal(reader.isMidway, false)
  }
  t.equal(read([all.subarray(0, -1)]).reader.isMidway, true)
  t.equal(read([all, Buffer.of(1)]).reader.isMidway, true)
})

t.test('a length that no frame has is an error as soon as it is there', async (t) => {
  for (const length of [0, 4, 65_537, 2 ** 31, 2 ** 32 - 1]) {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(length)
    for (const size of [1, 4]) {
      t.throws(() => read([...pieces(Buffer.concat([framed(1, 1, 3), head]), size)]), { code: 'ERR_DYAD_PROTOCOL' })
    }
  }
})
