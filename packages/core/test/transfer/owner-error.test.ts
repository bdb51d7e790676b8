import { test } from 'tap'
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
