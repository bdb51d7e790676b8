import { test } from 'tap'
import { checkMode } from '../src/parts.js'
import { double, NO_DEVICE } from './double.js'

test('the transport that was asked for must be there, and of use', async (t) => {
  const transports = [double('local'), double('rdma', { unavailable: NO_DEVICE }), double('tcp')]
  for (const mode of ['auto', 'local', 'tcp']) t.doesNotThrow(() => checkMode(mode, transports), mode)
  t.throws(() => checkMode('rdma', transports), NO_DEVICE)
  t.throws(() => checkMode('rpc', transports), {
    code: 'ERR_DYAD_DTL_MODE',
    detail: "'rpc' is none of local, rdma, tcp",
  })
})
