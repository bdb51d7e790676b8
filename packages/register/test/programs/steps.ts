/** Takes one step after another, each at its parent's request. */

import { once } from 'node:events'
import fs from 'node:fs'
import promises, { open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const [a = '', b = '', beside = ''] = process.argv.slice(2)
const file = join(a, 'file')

async function failing(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no error',
    (error: NodeJS.ErrnoException) => error.code,
  )
}

const steps: Readonly<Record<string, () => unknown>> = {
  'a new file': () => promises.writeFile(file, 'x'),
  'a file anew': () => promises.writeFile(file, 'y'),
  'an open for reading': () => promises.readFile(file),
  'an exclusive open that fails': () => failing(promises.writeFile(file, 'z', { flag: 'wx' })),
  'a copy that must not replace': () => failing(promises.copyFile(file, file, fs.constants.COPYFILE_EXCL)),
  'a signal that has fired': () => failing(promises.writeFile(file, 'z', { signal: AbortSignal.abort() })),
  'two descriptors, one of which stays open': async () => {
    const [first, second] = [await open(file, 'w'), await open(file, 'a')]
    await first.close()
    return second.close()
  },
  'a descriptor that is closed twice': async () => {
    const handle = await open(file, 'w')
    return Promise.all([handle.close(), handle.close()])
  },
  'other permissions': () => promises.chmod(file, 0o600),
  'other times by path': () => promises.utimes(file, 1, 1),
  'other permissions by a descriptor': async () => {
    const fd = await promisify(fs.open)(file, 'r')
    await promisify(fs.fchmod)(fd, 0o640)
    await promisify(fs.close)(fd)
  },
  'other times by a descriptor, with a callback': async () => {
    const fd = await promisify(fs.open)(file, 'r')
    await promisify(fs.futimes)(fd, 2, 2)
    await promisify(fs.close)(fd)
  },
  'other permissions and times by a FileHandle': async () => {
    const handle = await open(file, 'r')
    await handle.chmod(0o600)
    await handle.utimes(3, 3)
    return handle.close()
  },
  'other permissions of a file that is being written': async () => {
    const handle = await open(file, 'a')
    await handle.chmod(0o640)
    return handle.close()
  },
  'permissions that cannot be changed': () => failing(promises.chmod(file, Number.NaN)),
  'other permissions of a file that was not published': async () => {
    await promises.chmod(join(a, 'foreign'), 0o600)
    const handle = await open(join(a, 'foreign'), 'r')
    await handle.chmod(0o640)
    return handle.close()
  },
  'a rename': () => promises.rename(file, join(a, 'other')),
  'a rename out': () => promises.rename(join(a, 'other'), join(beside, 'other')),
  'a rename in': () => promisify(fs.rename)(join(beside, 'other'), file),
  'a rename of a directory': async () => {
    await promises.mkdir(join(a, 'one'))
    await promises.writeFile(join(a, 'one/in'), '')
    return promises.rename(join(a, 'one'), join(a, 'two'))
  },
  'a removed file': () => promises.unlink(file),
  'a removed tree': () => promises.rm(join(a, 'two'), { recursive: true }),
  'a removed tree, with a callback': async () => {
    await promises.mkdir(join(a, 'three'))
    return promisify(fs.rm)(join(a, 'three'), { recursive: true, force: true })
  },
  'a copied tree': async () => {
    await promises.mkdir(join(beside, 'tree/sub'), { recursive: true })
    for (const name of ['tree/one', 'tree/sub/two', 'tree/left']) await promises.writeFile(join(beside, name), name)
    const filter = (path: string) => !path.endsWith('left')
    return promises.cp(join(beside, 'tree'), join(a, 'tree'), { recursive: true, filter })
  },
  'a copied tree, again': () => promises.cp(join(beside, 'tree'), join(a, 'tree'), { recursive: true }),
  'a file through a link to a directory': async () => {
    await promises.symlink(a, join(beside, 'link'))
    return promises.writeFile(join(beside, 'link/linked'), 'x')
  },
  'a stream through a link to a directory': () =>
    once(fs.createWriteStream(join(beside, 'link/stream')).end('x'), 'close'),
  'a link in the directory': async () => {
    await promises.symlink('linked', join(a, 'alias'))
    return promises.writeFile(join(a, 'alias'), 'by its alias')
  },
  'a temporary file of DYAD': () => promises.writeFile(join(a, '.dyad-x'), ''),
  'a file that is removed before it is closed': async () => {
    const handle = await open(join(a, 'gone'), 'w')
    await promises.unlink(join(a, 'gone'))
    return handle.close()
  },
  'a directory': async () => {
    await promises.mkdir(join(a, 'directory'))
    return promises.readdir(a).then(({ length }) => length > 0)
  },
  'a file elsewhere': () => promises.writeFile(join(beside, 'plain'), ''),
  'what is not here': () => failing(promises.stat(join(b, 'frame.lock'))),
  'a link to what is not here': async () => {
    await promises.symlink(join(b, 'frame.tmp'), join(beside, 'dangling'))
    return failing(promises.readFile(join(beside, 'dangling')))
  },
  'a file through a link to it': async () => {
    await promises.symlink(join(a, 'linked'), join(beside, 'to-file'))
    return promises.writeFile(join(beside, 'to-file'), 'x')
  },
  'a file that is read through a link to a directory': async () => {
    await promises.symlink(b, join(beside, 'consumed'))
    const path = join(beside, 'consumed/frame')
    return [await promises.readFile(path, 'utf8'), await promisify(fs.readFile)(path, 'utf8')]
  },
  'and written': () => promises.writeFile(join(beside, 'consumed/written'), ''),
  'and renamed': () => promises.rename(join(beside, 'consumed/written'), join(beside, 'consumed/other')),
  'a file that is read through a link to it': async () => {
    await promises.symlink('consumed/frame', join(beside, 'latest'))
    await promises.copyFile(join(beside, 'latest'), join(beside, 'copy'))
    return (await open(join(beside, 'latest'))).close()
  },
  'a file that becomes a link': async () => {
    await promises.readFile(join(beside, 'copy'))
    await promises.unlink(join(beside, 'copy'))
    await promises.symlink(join(b, 'frame'), join(beside, 'copy'))
    return promises.readFile(join(beside, 'copy'), 'utf8')
  },
  'a directory that is exchanged for a link': async () => {
    await promises.mkdir(join(beside, 'current'))
    await promises.writeFile(join(beside, 'current/frame'), '')
    await promises.rename(join(beside, 'current'), join(beside, 'former'))
    await promises.rename(join(beside, 'consumed'), join(beside, 'current'))
    return promises.readFile(join(beside, 'current/frame'), 'utf8')
  },
  'a file that the consumer writes': () => promises.writeFile(join(b, 'mine'), 'mine'),
  'and reads': () => promises.readFile(join(b, 'mine'), 'utf8'),
  'a file that the consumer renames into place': () => promises.rename(join(b, 'mine'), join(b, 'named')),
  'a FileHandle that the consumer writes with': async () => (await open(join(b, 'held'), 'w')).close(),
  'a directory of the consumer': () => promises.stat(b).then((stats) => stats.isDirectory()),
}

process.on('message', async (name: string) => {
  process.send?.([name, (await steps[name]?.()) ?? 'done'])
})
process.send?.(Object.keys(steps))
