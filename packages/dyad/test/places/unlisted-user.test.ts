import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { endOf, messageFrom } from '../../../../test/harness/child.js'

/** No system has it in its list of users. */
const UID = 54_321

const skip = process.getuid?.() !== 0 && 'only root can become another user'

test('a user without an entry in the list of users has all of it', { skip }, async (t) => {
  const program = fileURLToPath(new URL('unlisted-user.ts', import.meta.url))
  // Without output: a module that tap loads complains that this user may not write its notes.
  const child = fork(program, [String(UID)], { execArgv: ['--import=tsx'], silent: true })
  const outcome = await messageFrom<{ closed: string; refusal: unknown; homeless: unknown[] }>(child)
  t.match(outcome, { isListed: false, length: 5000, stateDir: `/tmp/dyad-${UID}` })
  const { closed, refusal } = outcome
  t.match(refusal, { code: 'ERR_DYAD_OPTION', path: closed, message: /DYAD_STATE_DIR\) .*EACCES/ })
  // Without a home, with the home of root, and with one that allows no new files.
  t.equal(outcome.homeless.length, 3)
  for (const said of outcome.homeless) t.match(said, /^an option.*DYAD_TOKEN_FILE.*XDG_CONFIG_HOME.*DYAD_TOKEN/)
  await endOf(child)
})
