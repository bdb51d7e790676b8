import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { messageFrom } from '../../../test/harness/child.js'
import { AgentRelay } from './agent-relay.js'
import { TwoAgents } from './two-nodes.js'

/** The requests of each step. `!` stands for the flag of a request. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  'a new file': ['produce file'],
  'a file anew': ['change file', 'produce file'],
  'an open for reading': [],
  'an exclusive open that fails': [],
  'a copy that must not replace': [],
  'a signal that has fired': ['change file', 'produce file'],
  'two descriptors, one of which stays open': ['change file', 'change file', 'produce file'],
  'a descriptor that is closed twice': ['change file', 'produce file'],
  'other permissions': ['change file', 'produce file'],
  'other times by path': ['change file', 'produce file'],
  'other permissions by a descriptor': ['change file', 'produce file'],
  'other times by a descriptor, with a callback': ['change file', 'produce file'],
  'other permissions and times by a FileHandle': ['change file', 'change file', 'produce file', 'produce file'],
  'other permissions of a file that is being written': ['change file', 'produce file'],
  'permissions that cannot be changed': ['change file', 'produce file'],
  'other permissions of a file that was not published': ['change foreign', 'change foreign'],
  'a rename': ['move file other'],
  'a rename out': ['move other '],
  'a rename in': ['move  file'],
  'a rename of a directory': ['produce one/in', 'move! one two'],
  'a removed file': ['remove file'],
  'a removed tree': ['remove! two'],
  'a removed tree, with a callback': ['remove! three'],
  'a copied tree': ['produce tree/one', 'produce tree/sub/two'],
  'a copied tree, again': [
    'change tree/one',
    'change tree/sub/two',
    'produce tree/left',
    'produce tree/one',
    'produce tree/sub/two',
  ],
  'a file through a link to a directory': ['produce linked'],
  'a stream through a link to a directory': ['produce stream'],
  'a link in the directory': ['change alias', 'produce linked'],
  'a temporary file of DYAD': [],
  'a file that is removed before it is closed': ['remove gone'],
  'a directory': [],
  'a file elsewhere': [],
  'what is not here': ['consume frame.lock'],
  'a link to what is not here': ['consume frame.tmp'],
  'a file through a link to it': ['change linked', 'produce linked'],
  'a file that is read through a link to a directory': ['consume! frame', 'consume! frame'],
  'and written': ['own written'],
  'and renamed': ['consume written', 'own other'],
  'a file that is read through a link to it': ['consume! frame', 'consume! frame'],
  'a file that becomes a link': ['consume! frame'],
  'a directory that is exchanged for a link': ['consume! frame'],
  'a file that the consumer writes': ['own mine'],
  'and reads': ['consume! mine'],
  'a file that the consumer renames into place': ['consume mine', 'own named'],
  'a FileHandle that the consumer writes with': ['own held'],
  'a directory of the consumer': [],
}

t.test('what a program asks of the agent, step by step', async (t) => {
  const nodes = await TwoAgents.start(t)
  const socket = nodes.cluster.path('relay.sock')
  const relay = await AgentRelay.start(t, socket, nodes.agent('A'))
  const [a, b, beside] = ['a', 'c', 'beside'].map((name) => nodes.cluster.directory(name)) as [string, string, string]
  writeFileSync(join(a, 'foreign'), '')
  // An older file is there.
  writeFileSync(join(b, 'frame'), 'old')
  const producer = await nodes.cluster.producer()
  await producer.ask('write', 'frame', 5)
  const program = nodes.start('A', 'steps', [a, b, beside], { env: { DYAD_AGENT: socket, DYAD_PATH_CONSUMER: b } })
  t.same(await messageFrom(program), Object.keys(ASKED))
  for (const [step, asked] of Object.entries(ASKED)) {
    const said = messageFrom<[string, unknown]>(program)
    program.send(step)
    const [, outcome] = await said
    // cp copies a tree in the order of the system.
    t.same(relay.take().sort(), [...asked].sort(), `${step}: ${outcome}`)
  }
  program.disconnect()
})
