import { Transform } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/**
 * A stream that puts a prefix before each line. Lines go on whole, so that those of several writers
 * can be told apart.
 * @param {string} prefix
 * @param {import('node:stream').Writable} target outlives the stream
 */
export function prefixLines(prefix, target) {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const lines = new Transform({
    transform(chunk, _, done) {
      const all = (rest + decoder.write(chunk)).split('\n')
      rest = all.pop()
      done(null, all.map((line) => `${prefix}${line}\n`).join(''))
    },
    flush(done) {
      done(null, rest === '' ? '' : `${prefix}${rest}\n`)
    },
  })
  lines.pipe(target, { end: false })
  return lines
}
