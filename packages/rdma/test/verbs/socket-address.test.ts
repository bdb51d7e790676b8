import { test } from 'tap'
import { canonicalAddress, writeSocketAddress } from '../../src/verbs/socket-address.js'

test('an IPv4 address as the system has it', async (t) => {
  t.equal(writeSocketAddress('10.99.0.1', 0x1234).toString('hex'), '020012340a6300010000000000000000')
})

test('IPv6 addresses in all their spellings', async (t) => {
  const tail = (address: string) => writeSocketAddress(address, 1).subarray(8, 24).toString('hex')
  t.equal(tail('2001:db8::1:ff'), '20010db80000000000000000000100ff')
  t.equal(tail('::'), '0'.repeat(32))
  t.equal(tail('::1'), `${'0'.repeat(31)}1`)
  t.equal(tail('::ffff:10.0.0.1'), '00000000000000000000ffff0a000001')
  t.equal(tail('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008')
  t.equal(writeSocketAddress('::1', 0x1234).toString('hex', 0, 4), '0a001234')
})

test('malformed addresses', async (t) => {
  t.throws(() => writeSocketAddress('host.example', 1), /no IP address/)
})

test('one spelling for one address', async (t) => {
  t.equal(canonicalAddress('2001:DB8:0:0:0:0:0:1'), canonicalAddress('2001:db8::1'))
  t.equal(canonicalAddress('10.0.0.1'), '10.0.0.1')
})
