import { tmpdir } from 'node:os'
import { test } from 'tap'
import { GiB } from '../part.js'
import { chooseDirectory, NoRoomError, type Room } from '../working-directory.js'

/** A machine whose directories have so much room. */
function machine(rooms: Record<string, Omit<Room, 'directory'>>) {
  return (directory: string): Room | undefined => {
    const room = rooms[directory]
    return room && { directory, ...room }
  }
}

const memory = (bytes: number) => ({ bytes, isTmpfs: true })
const disk = (bytes: number) => ({ bytes, isTmpfs: false })

test('shared memory is taken where it has room, else the directory for temporary files', async (t) => {
  const both = (bytes: number) => machine({ '/dev/shm': memory(bytes), [tmpdir()]: disk(9 * GiB) })
  t.equal(chooseDirectory(4 * GiB, undefined, both(4 * GiB)).directory, '/dev/shm')
  t.equal(chooseDirectory(4 * GiB, undefined, both(3 * GiB)).directory, tmpdir())
  const noTmpfs = machine({ '/dev/shm': disk(9 * GiB), [tmpdir()]: disk(9 * GiB) })
  t.equal(chooseDirectory(GiB, undefined, noTmpfs).directory, tmpdir())
  t.equal(chooseDirectory(GiB, undefined, machine({ [tmpdir()]: disk(GiB) })).directory, tmpdir())
})

test('a directory that is given is taken, or refused', async (t) => {
  const look = machine({ '/fast': disk(GiB) })
  t.equal(chooseDirectory(GiB, '/fast', look).directory, '/fast')
  t.throws(() => chooseDirectory(2 * GiB, '/fast', look), NoRoomError)
  t.throws(() => chooseDirectory(1, '/missing', look), new NoRoomError('there is no directory /missing'))
})

test('where there is no room, it says how much is missing and what to do', async (t) => {
  const look = machine({ '/dev/shm': memory(0.5 * GiB), [tmpdir()]: disk(GiB) })
  t.throws(() => chooseDirectory(4 * GiB, undefined, look), /needs 4\.0 GiB.*\/dev\/shm has 0\.5 GiB.*--dir/)
})
