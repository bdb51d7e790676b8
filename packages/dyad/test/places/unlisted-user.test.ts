import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { endOf, messageFrom } from '../../../../test/harness/child.js'

/** In no system's list of users. */
const UID = 54_321

const skip = process.getuid?.() !== 0 && 'only root can become another user'

test('a user without an entry in the list of users has all of it', { skip }, async (t) => {
  const program = fileURLToPath(new URL('unlisted-user.ts', import.meta.url))
  // Silent, since what tap loads into processes complains that this user may not write where it
  // notes things.
  const child = fork(program, [String(UID)], { execArgv: ['--import=tsx'], silent: true })
  const outcome = await messageFrom<{ closed: string; refusal: unknown; homeless: unknown[] }>(child)
  t.match(outcome, { isListed: false, length: 5000, stateDir: `/dyad-${UID}` })
  const { closed, refusal } = outcome
  t.match(refusal, { code: 'ERR_DYAD_OPTION', path: closed, message: /DYAD_STATE_DIR\) .*EACCES/ })
  // Without a home, with one that is root's, and with one where nothing can be made.
  t.equal(outcome.homeless.length, 3)
  for (const said of outcome.homeless) t.match(said, /^an option.*DYAD_TOKEN_FILE.*XDG_CONFIG_HOME.*DYAD_TOKEN/)
  await endOf(child)
})
