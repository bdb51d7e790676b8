import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'

const DEMO = fileURLToPath(new URL('../../examples/dist/demo.js', import.meta.url))
const FILES = 10

test('the demo moves its files over rdma if asked to', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO, '0'], {
    env: {
      ...process.env,
      DYAD_DTL_MODE: 'rdma',
      DYAD_HOST: '10.99.0.1',
      DYAD_TOKEN: 'secret',
      // Forty bytes would come with their records.
      DYAD_INLINE_LIMIT: '0',
    },
  })
  t.match(stdout, 'every file arrived whole')
  const [, consumerFirst = '', producerFirst = '', overSocket = '', shared = ''] = stdout.split('\n== ')
  for (const scene of [consumerFirst, producerFirst]) {
    t.equal(scene.match(/data\d\.txt +40 bytes over rdma/g)?.length, FILES, String(scene.split('\n')[0]))
  }
  t.equal(overSocket.match(/40 bytes over tcp/g)?.length, FILES, 'the scene over a socket stays one')
  t.equal(shared.match(/40 bytes shared, not moved/g)?.length, FILES, 'what is shared does not move')
})
