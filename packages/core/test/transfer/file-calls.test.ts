import { closeSync, openSync } from 'node:fs'
import { test } from 'tap'
import { DiskPace } from '../../src/files/disk-pace.js'
import { CallChooser } from '../../src/transfer/file-calls.js'

test('calls are made inline until one has had to wait, and long reads never', async (t) => {
  const fd = openSync('/proc/self/exe', 'r')
  t.teardown(() => closeSync(fd))
  const buffer = Buffer.alloc(4)
  for (const slowMs of [60_000, -1]) {
    const chooser = new CallChooser(new DiskPace(slowMs))
    const first = chooser.calls.fstat(fd)
    t.notOk(first instanceof Promise, 'the first')
    const isPooled = slowMs < 0
    const calls = [
      chooser.calls.realpath('/proc/self/fd'),
      chooser.calls.lstat('/'),
      chooser.calls.stat('/'),
      chooser.calls.fstat(fd),
      chooser.calls.readlink(`/proc/self/fd/${fd}`),
      chooser.forRead(4).read(fd, buffer, 0, 4, 0),
    ]
    t.ok(
      calls.every((call) => call instanceof Promise === isPooled),
      isPooled ? 'after it had to wait' : 'the others',
    )
    const [real, root, , stats, link, bytes] = await Promise.all(calls)
    t.match(real, /^\/proc\/\d+\/fd$/)
    t.ok(typeof root === 'object' && root.isDirectory())
    t.same(stats, first)
    t.match(link, /^\//)
    t.equal(bytes, 4)
    t.equal(buffer.toString('latin1', 1), 'ELF')
  }
  const long = new CallChooser().forRead(10_000_000).read(fd, buffer, 0, 4, 0)
  t.type(long, Promise)
  t.equal(await long, 4)
})
