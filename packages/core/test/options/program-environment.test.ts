import t from 'tap'
import { readConfig } from '../../src/options/config.js'
import { programEnvironment } from '../../src/options/program-environment.js'

const PATHS = ['PATH_PRODUCER', 'PATH_CONSUMER', 'STATE_DIR', 'TOKEN_FILE', 'TLS_CA', 'TLS_CERT', 'TLS_KEY']

t.test('no variable DYAD_* of this process is one of a program', async (t) => {
  const own = {
    DYAD_KVS_NAMESPACE: 'own',
    DYAD_PATH_RELATIVE: '0',
    DYAD_PATH_CONSUMER: '/own',
    DYAD_TOKEN: 'own own own own own',
    XDG_CONFIG_HOME: '/own/config',
  }
  for (const [name, value] of Object.entries(own)) {
    const before = process.env[name]
    process.env[name] = value
    t.teardown(() => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }
  const env = programEnvironment(new Map([['DYAD_PATH_PRODUCER', '/theirs']]))
  const config = readConfig({}, env)
  t.equal(config.producerPath, '/theirs')
  t.equal(config.consumerPath, undefined)
  t.equal(config.namespace, undefined)
  t.equal(config.relative, true)
  t.equal(config.token, undefined)
  t.equal(env['XDG_CONFIG_HOME'], '/own/config', 'other variables are those of this process')
})

t.test('what no option reads is left out', async (t) => {
  const given = new Map(
    Object.entries({ DYAD_TIMEOUT: '7', DYAD_RUN: 'r', DYAD_TIMOUT: '8', LD_PRELOAD: '/x', PATH: '' }),
  )
  const env = programEnvironment(given)
  t.equal(env['DYAD_TIMEOUT'], '7')
  for (const name of ['DYAD_RUN', 'DYAD_TIMOUT']) t.notOk(name in env, name)
  t.not(env['LD_PRELOAD'], '/x')
  t.equal(env['PATH'], process.env['PATH'])
})

t.test('a relative path would be relative to this process, and is refused', async (t) => {
  for (const name of PATHS) {
    const variable = `DYAD_${name}`
    for (const path of ['data', './data', '../data']) {
      t.throws(
        () => programEnvironment(new Map([[variable, path]])),
        { code: 'ERR_DYAD_OPTION', message: new RegExp(variable) },
        `${variable}=${path}`,
      )
    }
    t.equal(programEnvironment(new Map([[variable, '/data']]))[variable], '/data')
    t.equal(programEnvironment(new Map([[variable, '']]))[variable], '', 'empty is not set')
  }
})
