import { test } from 'tap'
import { DyadError } from '../../src/errors.js'
import { errorOf, errorText } from '../../src/transfer/owner-error.js'

/** What the frames of every transport hold of a text, in bytes. */
const FRAME_BYTES = 4_096

test('the detail of an error fits a frame, whatever its characters become', (t) => {
  for (const sign of ['x', '\u202e', '\x1b', '\n', 'ü', '漢', '🗂', '\ud800']) {
    const { code, detail } = errorText(new Error(sign.repeat(2_000)))
    t.equal(code, 'ERR_DYAD_SYSTEM')
    t.ok(detail.length > 0 && Buffer.byteLength(detail) <= FRAME_BYTES, JSON.stringify(sign))
    t.ok(Buffer.byteLength(errorOf(code, sign.repeat(2_000), 'x').detail) <= FRAME_BYTES)
  }
  t.equal(errorText(new Error('a\nb')).detail, 'a\\nb')
  t.end()
})

test('a shortage of descriptors at the owner is no final answer', (t) => {
  const cause = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
  const { code, detail } = errorText(new DyadError('ERR_DYAD_DESCRIPTORS', { cause }))
  const { retryable, message } = errorOf(code, detail, 'x')
  // What a transfer tries again; ERR_DYAD_DESCRIPTORS would be read as a shortage of this side.
  t.strictSame([code, retryable], ['ERR_DYAD_TRANSFER', true])
  t.match(message, 'the owner has no file descriptor free')
  t.end()
})
