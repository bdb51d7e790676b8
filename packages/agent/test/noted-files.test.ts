import t from 'tap'
import { NotedFiles } from '../src/noted-files.js'

t.test('the names that were noted last are known, each in its directory', async (t) => {
  const own = new NotedFiles(3)
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
  own.forget('/d', 'a')
  t.notOk(own.has('/d', 'a'))
  t.ok(own.has('/e', 'a'))
})
