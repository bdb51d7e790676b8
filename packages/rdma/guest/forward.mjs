/** What init writes after the last byte of an output. */
const END = Buffer.from('\0end of output\0')

/**
 * Hands on what a guest writes, as fast as the target takes it, up to the mark of its end. The
 * target outlives the guest.
 * @param {import('node:stream').Readable} stream
 * @param {import('node:stream').Writable} target
 * @returns {Promise<void>} resolves once all of it was handed on, be there an end or not
 */
export async function forward(stream, target) {
  let held = Buffer.alloc(0)
  for await (const chunk of stream) {
    const bytes = Buffer.concat([held, chunk])
    const end = bytes.indexOf(END)
    const ready = bytes.subarray(0, end === -1 ? bytes.length - beginOfEnd(bytes) : end)
    held = bytes.subarray(ready.length)
    if (!target.write(ready)) await drained(target)
    if (end !== -1) return
  }
  target.write(held)
}

/**
 * How many bytes at the end may be the first ones of the mark: only those wait for what follows.
 */
function beginOfEnd(bytes) {
  for (let length = Math.min(END.length - 1, bytes.length); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(END.subarray(0, length))) return length
  }
  return 0
}

function drained(target) {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) target.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) target.on(event, done)
  })
}
