import { match, strictEqual } from 'node:assert/strict'
import { mkdir, symlink } from 'node:fs/promises'
import { isDyadError } from '../../errors.js'
import { expectContent, expectRejection } from './collect.js'
import { backdate, versionOf, writeContent } from './content.js'
import type { Clause } from './contract.js'

/** What an owner must not serve. */
export const refusalClauses: readonly Clause[] = [
  {
    name: 'a missing file',
    async run({ write, transport, owner }) {
      const version = await write('there', 10)
      for (const path of ['missing', 'missing/below', 'there/below']) {
        await expectRejection(transport.fetch(owner.address, { ...version, path }), ['ERR_DYAD_GONE'])
      }
    },
  },
  {
    name: 'another version than asked for',
    async run({ write, transport, owner }) {
      const version = await write('version', 10)
      const others = [
        { ...version, size: 9 },
        { ...version, size: 11 },
        { ...version, mtimeNs: version.mtimeNs + 1n },
        { ...version, mtimeNs: version.mtimeNs - 1_000_000_000n },
      ]
      for (const other of others) {
        await expectRejection(transport.fetch(owner.address, other), ['ERR_DYAD_CHANGED'])
      }
    },
  },
  {
    name: 'escapes from the managed directory',
    async run({ write, transport, owner, outside, storage }) {
      const version = await write('inside/file', 10)
      await writeContent(`${outside}/secret`, 10, 0)
      await backdate(`${outside}/secret`)
      await mkdir(`${storage}/folder`)
      await symlink(`${outside}/secret`, `${storage}/link`)
      await symlink(outside, `${storage}/way-out`)
      await symlink('loop', `${storage}/loop`)
      const secret = { ...(await versionOf(outside, 'secret')), storage }
      const name = outside.slice(outside.lastIndexOf('/') + 1)
      const paths = [
        `../${name}/secret`,
        `inside/../../${name}/secret`,
        `${outside}/secret`,
        `${storage}/inside/file`,
        'link',
        'way-out/secret',
        'loop',
        'folder',
        'inside/../inside/file',
        'inside/./file',
        'inside//file',
        './inside/file',
        'inside/file/',
        'inside/file\0',
        '\0',
        '',
        '.',
        '..',
        `${'n'.repeat(256)}`,
        `${'a/'.repeat(1900)}abc`,
      ]
      for (const path of paths) {
        await expectRejection(transport.fetch(owner.address, { ...secret, path }), ['ERR_DYAD_REFUSED'])
      }
      for (const other of [outside, `${storage}/inside`, `${storage}/`, '/', '']) {
        const path = other === outside ? 'secret' : 'file'
        await expectRejection(transport.fetch(owner.address, { ...version, storage: other, path }), [
          'ERR_DYAD_REFUSED',
        ])
      }
    },
  },
  {
    name: 'a symbolic link that stays inside is followed',
    async run({ write, transport, owner, storage }) {
      await write('real/file', 1000, 4)
      await symlink('real', `${storage}/alias`)
      const version = await versionOf(storage, 'alias/file')
      await expectContent(await transport.fetch(owner.address, version), 4, 0, 1000)
    },
  },
  {
    name: 'an address that is none',
    async run({ write, transport, owner, storage }) {
      const version = await write('file', 10)
      strictEqual(await transport.obstacle(owner.address, storage), undefined, 'an obstacle to its own address')
      for (const address of ['', 'nonsense', '{}', '[]', 'null', '{"v":99}', 'x'.repeat(20_000)]) {
        const obstacle = await transport.obstacle(address, storage)
        match(obstacle ?? '', /^\S.*[^\s.]$/, `no clause for a person says why not from ${address.slice(0, 20)}`)
        await transport.fetch(address, version).then(
          () => {
            throw new Error('fetched from nowhere')
          },
          (error) => strictEqual(isDyadError(error), true, String(error)),
        )
      }
    },
  },
  {
    name: 'names of any well-formed Unicode, up to the bounds',
    async run({ transport, owner, write }) {
      const paths = ['ünï/日本語/🎈', 'a b\tc\nd', `${'é'.repeat(127)}x`, 'trailing.', '...', '%2e%2e', 'back\\slash']
      for (const [seed, path] of paths.entries()) {
        await expectContent(await transport.fetch(owner.address, await write(path, 100, seed)), seed, 0, 100)
      }
    },
  },
]
