import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import { test } from 'tap'

const read = async (name: string): Promise<string> =>
  (await readFile(`/sys/class/infiniband/rxe0/${name}`, 'utf8')).trim()

test('the guest has an RDMA device that is up', async (t) => {
  t.equal(await read('ports/1/state'), '4: ACTIVE')
  t.equal(await read('ports/1/link_layer'), 'Ethernet')
})

test('the device belongs to the address that tests use', async (t) => {
  const owner = await read('ports/1/gid_attrs/ndevs/0')
  const addresses = networkInterfaces()[owner] ?? []
  t.ok(addresses.some(({ address }) => address === '10.99.0.1'))
})

test('programs see the device through libibverbs, and may send in the largest packets', async (t) => {
  const { stdout } = await promisify(execFile)('ibv_devinfo', ['-d', 'rxe0'])
  t.match(stdout, /state:\s+PORT_ACTIVE/)
  t.match(stdout, /active_mtu:\s+4096/)
})
