import { fileURLToPath } from 'node:url'
import t from 'tap'
import { firstLine, Sandbox } from './command.js'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

/** As npm has it for its scripts. */
const PATH = `${ROOT}/node_modules/.bin:${process.env['PATH']}`

t.test('SIGTERM to npx ends the service below it', async (t) => {
  await using sandbox = await Sandbox.make()
  const args = ['--prefix', ROOT, 'dyad', 'start', '--broker', '--node', 'n1', sandbox.at('n1')]
  const npx = sandbox.spawn(args, {}, ['npx'])
  await firstLine(npx)
  npx.child.kill('SIGTERM')
  // The outputs of npx end with those of the service, which shares them.
  t.match((await npx.ended).stderr, / info {2}ends: SIGTERM\n$/)
})

t.test('a command in the background of a script goes on when the script ends', async (t) => {
  await using sandbox = await Sandbox.make()
  const script = 'dyad start --broker --node n1 & read -r _'
  const shell = sandbox.spawn(['--prefix', ROOT, '-c', script], { PATH }, ['npx'])
  await firstLine(shell)
  shell.child.stdin?.end('\n')
  t.equal((await sandbox.run(['stop', '--node', 'n1'])).code, 0, 'it still ran')
  await shell.ended
})
