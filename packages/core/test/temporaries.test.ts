import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Temporaries } from '../src/temporaries.js'

test('names are beside the target, short, and never the same', async (t) => {
  const root = t.testdir()
  const one = new Temporaries()
  const two = new Temporaries()
  const target = `${root}/new/${'x'.repeat(255)}`
  const names = await Promise.all([one.beside(target), one.beside(target), two.beside(target)])
  t.equal(new Set(names).size, 3)
  for (const name of names) {
    t.equal(dirname(name), `${root}/new`)
    writeFileSync(name, '')
  }
})

test('what a killed process left is removed, what a living one writes is not, nor anything else', async (t) => {
  const root = t.testdir({ '.dyad-other0host-1-1-0-x': '', '.dyad-': '', 'file.bin': '' })
  const program = fileURLToPath(new URL('temporaries-process.ts', import.meta.url))
  const child = fork(program, [`${root}/x`], { execArgv: ['--import=tsx'] })
  await once(child, 'message')
  const withChilds = readdirSync(root)
  t.equal(withChilds.length, 4)

  const alive = new Temporaries()
  writeFileSync(await alive.beside(`${root}/y`), '')
  await alive.settled()
  t.equal(readdirSync(root).length, 5, 'the child lives')

  child.kill('SIGKILL')
  await once(child, 'exit')
  const next = new Temporaries()
  await next.beside(`${root}/z`)
  await next.settled()
  t.equal(readdirSync(root).length, 4, 'the child is dead')
  t.ok(readdirSync(root).includes('.dyad-other0host-1-1-0-x'), "another host's is not ours to judge")
})
