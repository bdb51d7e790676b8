import { postRequest } from '../src/broker/compact-frames.js'

/** Requests of the compact layout with false lengths. */
export function hostileRequests(): Record<string, Buffer> {
  let get = Buffer.alloc(0)
  postRequest({ op: 'get', id: 1, space: 'ns', key: 'key' }, (bytes, length) => {
    get = Buffer.from(bytes.subarray(0, length))
  })
  const but = (at: number, ...bytes: number[]) => {
    const copy = Buffer.from(get)
    copy.set(bytes, at)
    return copy
  }
  return {
    'no such kind': but(0, 0x30),
    'kind zero': but(0, 0),
    'half an id': get.subarray(0, 5),
    'no name': get.subarray(0, 7),
    'a name beyond the frame': but(7, 200),
    'a key beyond the frame': but(10, 0xff, 0xff),
    'a key of a put beyond the frame': but(0, 3, ...get.subarray(1, 10), 0xff, 0x0f),
    'bytes after the key': Buffer.concat([get, Buffer.from('x')]),
    'a key that is no text': but(12, 0xff),
    'bytes after a cancel': but(0, 7),
    'a value that is too long': Buffer.concat([but(0, 3), Buffer.alloc(1024 * 1024 + 1)]),
  }
}
