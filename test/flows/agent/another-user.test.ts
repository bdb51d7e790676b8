import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { Cluster } from '../../harness/cluster.js'
import { TestProcess } from '../../harness/process.js'
import { agentOf, producing } from './site.js'

const NOBODY = 65_534
const skip = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'only root can be another user'

/**
 * Becomes another user, connects, and prints what the agent says of itself. It does not begin as
 * that user: Node's own folder may be closed to others.
 */
const PROGRAM = `
process.setgroups([])
process.setgid(${NOBODY})
process.setuid(${NOBODY})
const socket = require('node:net').connect(process.argv[1])
socket.on('data', (bytes) => process.stdout.write(bytes.toString('latin1')))
socket.on('error', ({ code }) => console.log(code))`

t.test('another user is refused, also where the directory lets it in', { skip }, async (t) => {
  const cluster = await Cluster.prepare(t)
  // What its process makes is open to all.
  const a = await TestProcess.start(t, 'node-process', {}, [], ['sh', '-c', 'umask 0; exec "$@"', 'sh'])
  await a.ask('start', { ...cluster.session('A', {}), broker: true, directories: [cluster.directory('a')] })
  const path = agentOf(cluster, 'A')
  const asNobody = () =>
    execFileSync('env', ['-u', 'NODE_OPTIONS', process.execPath, '-e', PROGRAM, path], { encoding: 'utf8' })
  chmodSync(cluster.root, 0o755)
  t.equal(asNobody(), 'EACCES\n', 'the directory is the first wall')
  for (const directory of [cluster.path('state'), dirname(path)]) chmodSync(directory, 0o755)
  t.equal(asNobody(), 'EACCES\n', 'the socket is the second')
  chmodSync(path, 0o666)
  t.match(asNobody(), /ERR_DYAD_DENIED/, 'the system tells who it is')
  for (const directory of [cluster.path('state'), dirname(path)]) chmodSync(directory, 0o700)
  await using client = await producing(cluster)
  t.equal(await client.change('x'), 'absent')
})
