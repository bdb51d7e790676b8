import t from 'tap'
import { OwnFiles } from '../src/own-files.js'

t.test('the names that were noted last are known, each in its directory', async (t) => {
  const own = new OwnFiles(3)
  for (const name of ['a', 'b', 'c']) own.note('/d', name)
  own.note('/d', 'a')
  own.note('/e', 'a')
  t.strictSame(
    ['a', 'b', 'c'].filter((name) => own.has('/d', name)),
    ['a', 'c'],
  )
  t.ok(own.has('/e', 'a'))
  t.notOk(own.has('/e', 'c'))
  t.notOk(own.has(undefined, 'a'))
})
