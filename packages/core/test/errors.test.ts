import { constants } from 'node:os'
import { test } from 'tap'
import { DyadError, ERRORS, type ErrorCode, errnoOf } from '../src/errors.js'

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code, errno: -1 })
}

test('every failure has an errno that this host knows, and none that says all is well', async (t) => {
  for (const [code, { errno }] of Object.entries(ERRORS)) {
    const error = new DyadError(code as ErrorCode)
    t.equal(error.errno, errno, code)
    t.ok(errnoOf(error) > 0, code)
    t.equal(errnoOf(error), constants.errno[errno], code)
    t.equal(errno === 'ENOENT', code === 'ERR_DYAD_NOT_FOUND', `${code}: ENOENT is for what is not published`)
  }
})

test('where an error is of input or output, the cause in the system tells which', async (t) => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS'] as const) {
    const stored = new DyadError('ERR_DYAD_STORE', { path: 'x', cause: systemError(code) })
    t.equal(stored.errno, code)
    t.equal(errnoOf(stored), constants.errno[code])
    t.equal(new DyadError('ERR_DYAD_STORE', { cause: stored }).errno, code, 'with more causes in between')
    t.equal(errnoOf(systemError(code)), constants.errno[code], 'alone')
  }
  t.equal(new DyadError('ERR_DYAD_TIMEOUT', { cause: systemError('ENOSPC') }).errno, 'ETIMEDOUT')
})

test('what is missing here does not make a published file missing', async (t) => {
  t.equal(new DyadError('ERR_DYAD_STORE', { cause: systemError('ENOENT') }).errno, 'EIO')
  t.equal(new DyadError('ERR_DYAD_GONE', { cause: systemError('ENOENT') }).errno, 'ESTALE')
  t.equal(errnoOf(systemError('ENOENT')), constants.errno.EIO)
})

test('what is no error of the system is one of input or output', async (t) => {
  for (const error of [new Error('x'), 'x', undefined, systemError('ERR_INVALID_ARG'), systemError('toString')]) {
    t.equal(errnoOf(error), constants.errno.EIO)
  }
})
