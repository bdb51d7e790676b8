import { test } from 'tap'
import { CompletionError, VerbError } from '../../src/verbs/faults.js'

test('an error names the verb and the system’s reason', async (t) => {
  const error = new VerbError('ibv_reg_mr', 12, '4096 bytes')
  t.equal(error.message, 'ibv_reg_mr: ENOMEM: 4096 bytes')
  t.match(error, { verb: 'ibv_reg_mr', errno: 12, code: 'ENOMEM' })
  t.equal(new VerbError('ibv_open_device', 9999).message, 'ibv_open_device: errno 9999')
})

test('a completion names its status', async (t) => {
  t.match(new CompletionError(10).message, /REM_ACCESS_ERR/)
  t.match(new CompletionError(12).message, /RETRY_EXC_ERR/)
  t.match(new CompletionError(77).message, /status 77/)
})
