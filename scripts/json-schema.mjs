// The shapes of what the command prints with --json, as a JSON Schema. `npm run docs` writes
// docs/json.schema.json and docs/json.md from it; packages/dyad/test/cli/json.test.ts checks the
// command against it.

const text = (description) => ({ type: 'string', description })
const count = (description) => ({ type: 'integer', minimum: 0, description })
const number = (description) => ({ type: 'number', minimum: 0, description })
const flag = (description) => ({ type: 'boolean', description })
const oneOf = (values, description) => ({ enum: values, description })
const list = (items, description) => ({ type: 'array', items, description })
const of = (name, description) => ({ $ref: `#/$defs/${name}`, ...(description && { description }) })
const orNull = (schema) => ({ ...schema, type: [schema.type, 'null'] })

/** An object; members whose names end with `?` may be missing. */
function object(description, members) {
  const entries = Object.entries(members).map(([name, schema]) => [name.replace(/\?$/, ''), schema])
  const required = Object.keys(members).filter((name) => !name.endsWith('?'))
  return { type: 'object', description, properties: Object.fromEntries(entries), required, additionalProperties: false }
}

const recordMembers = {
  path: text('managed path'),
  owner: text('id of the node that holds the file'),
  size: count('in bytes'),
  mtimeNs: {
    type: 'string',
    pattern: '^-?\\d+$',
    description: 'modification time at the owner, in ns since 1970, as text',
  },
  mode: { type: 'integer', minimum: 0, maximum: 0o777, description: 'permission bits' },
  storage: text("the owner's managed directory"),
  generation: count('grows at each publish of the path'),
  'epoch?': text('names the start of the store that gave the generation'),
  'digest?': of('digest', 'digest of all bytes; missing if publishing did not know it'),
}

const entryMembers = {
  node: text('id of the node'),
  directories: list(text('absolute path'), 'managed directories that it serves'),
  host: text('name of the host'),
  pid: count('process of the service'),
  'processes?': text('names the set of processes in which `pid` is unique'),
  'reach?': oneOf(['host'], '`host` where no other host can reach the service, although the store is for them'),
  startedAt: number('in ms since 1970'),
}

const statsMembers = {
  namespaces: count('namespaces in the store'),
  records: count('records in the store'),
  waiters: count('requests that wait for a record'),
  watches: count('watches'),
  links: count('connections'),
  leases: count('registrations that are held under a lease'),
}

const batch = (description, members, statuses) =>
  object(description, {
    files: list(
      object('one file that was dealt with', {
        ...recordMembers,
        ...members,
        status: oneOf(statuses, 'what was done'),
      }),
      'in the order of their names',
    ),
    failures: list(
      object('one file that failed', {
        file: text('the file as it was given, or as it was found in a folder'),
        code: orNull(text('code of DYAD or of the system; null if there is none')),
        message: text('what stderr says of it'),
      }),
      'files that failed',
    ),
    leftOut: list(
      object('one file that was left out', { file: text('the file'), reason: text('why') }),
      'files in folders that cannot be published, such as symbolic links',
    ),
  })

const finding = object('something that keeps it from working, or from working well', {
  isFatal: flag('whether nothing works without it'),
  what: text('what is wrong'),
  remedy: text('what to change'),
})

const shared = {
  digest: object('a digest of all bytes of a file', {
    algorithm: text('`crc32`, or that of another version of DYAD'),
    value: { type: 'string', pattern: '^[0-9a-f]+$', description: 'in hexadecimal digits' },
  }),
  record: object('the record of a published file', recordMembers),
  failure: object('an error of DYAD (docs/errors.md)', {
    code: text('stable, as ERR_DYAD_SILENT'),
    rc: { type: 'integer', description: 'the return code of DYAD in C' },
    errno: text("name of the system's error"),
    retryable: flag('whether the same command may succeed later'),
    'path?': text('managed path'),
    'node?': text('id of the node'),
    'host?': text('name of the host where it happened'),
    detail: text('what exactly was wrong'),
  }),
  hostedStore: object('a store that the process hosts', {
    ...statsMembers,
    durable: flag('whether its records survive its process'),
    notices: list(text('a sentence'), 'what happened when it opened its records'),
  }),
  service: object('the service of a node', {
    ...entryMembers,
    transports: list(
      object('an offer', { name: text('name of the transport'), address: { description: 'where it listens' } }),
      'the transports that it offers',
    ),
    kvs: text('address of the store'),
    unavailable: list(
      object('a transport that it does not offer', { transport: text('its name'), reason: text('why') }),
      'the transports that this host cannot use',
    ),
    warnings: list(text('a sentence'), 'obstacles for others that fetch from here, each with its remedy'),
    'broker?': of('hostedStore', 'the store, if this process hosts it'),
    'lost?': text('why the service has ended, if it has'),
    open: flag('whether it runs without a token'),
    'log?': text('by dyad status: the file of its log, if it has one'),
  }),
  store: object('a store without a node', {
    kvs: text('its address'),
    host: text('name of the host'),
    pid: count('its process'),
    startedAt: number('in ms since 1970'),
    broker: of('hostedStore', 'what it holds'),
    open: flag('whether it runs without a token'),
    'log?': text('by dyad status: the file of its log, if it has one'),
  }),
  way: object('how this side would fetch from a node over one transport', {
    transport: text('name of the transport'),
    'address?': { description: 'where the node offers it; missing if it does not' },
    isUsed: flag('whether a consumer here uses it'),
    reason: text('why, or why not'),
  }),
  node: object('a node as the store knows it', {
    ...entryMembers,
    alive: flag('whether its service seems to run'),
    evidence: text('how that is known'),
    transports: list(of('way'), 'the ways to it, best first'),
  }),
}

/** What each command prints, in the order of docs/json.md. */
export const COMMANDS = {
  put: { usage: 'put FILE', schema: of('record') },
  putMany: {
    usage: 'put FILE...',
    schema: batch('what came of several files', { source: text('the file that was published') }, [
      'published',
      'present',
    ]),
  },
  get: {
    usage: 'get PATH',
    schema: object('the record, and where the file is', { ...recordMembers, local: text('absolute path of the file') }),
  },
  getMany: {
    usage: 'get PATH... --to DIRECTORY',
    schema: batch('what came of several files', { local: text('absolute path of the file') }, ['fetched', 'present']),
  },
  wait: { usage: 'wait PATH', schema: of('record') },
  watch: { usage: 'watch [PATTERN]', schema: of('record'), lines: true },
  ls: { usage: 'ls [PATTERN]', schema: list(of('record'), 'the records, by path') },
  lookup: { usage: 'lookup PATH', schema: of('record') },
  rm: { usage: 'rm PATH...', schema: list(text('managed path'), 'the paths whose records were removed') },
  namespaceList: { usage: 'namespace list', schema: list(text('name'), 'the namespaces') },
  namespaceChange: {
    usage: 'namespace create NAME, namespace remove NAME',
    schema: object('the namespace', { namespace: text('its name') }),
  },
  start: { usage: 'start', schema: of('service') },
  broker: { usage: 'broker', schema: of('store') },
  brokerRepair: {
    usage: 'broker repair DIRECTORY',
    schema: object('what came of a repair', {
      records: count('records that the directory holds now'),
      namespaces: count('namespaces that it holds now'),
      unreadableBytes: count('bytes that could not be read'),
      'missing?': text('the first file that was missing in the sequence'),
      renamed: list(text('name'), 'names that namespaces have got whose own could not be read'),
      'formerFiles?': text('directory of the former files; missing if there was nothing to repair'),
    }),
  },
  stop: {
    usage: 'stop',
    schema: object('what ended', {
      ended: list(text('id of a node, or address of a store'), 'what ended'),
      failures: list(of('failure'), 'the failures of what did not end'),
    }),
  },
  status: {
    usage: 'status',
    schema: object('services, store and nodes', {
      services: list(of('service'), 'services of this user on this host'),
      brokers: list(of('store'), 'stores of this user on this host without a node'),
      failures: list(of('failure'), 'services that do not answer'),
      store: {
        anyOf: [
          object('a store that answers', {
            address: text('its address'),
            durable: flag('whether its records survive its process'),
            counts: object('what it holds', statsMembers),
            namespaces: list(text('name'), 'its namespaces'),
            awaited: list(
              object('a file', {
                namespace: text('its namespace'),
                path: text('managed path, or the key where the options have other hash bins'),
                waiters: count('how many wait for it'),
              }),
              'files that are waited for, 100 at most',
            ),
            nodes: list(of('node'), 'the nodes, by name'),
            unreadable: list(text('a sentence'), 'registrations that cannot be read'),
          }),
          object('a store that does not answer', { address: text('its address'), failure: of('failure') }),
        ],
      },
    }),
  },
  doctor: {
    usage: 'doctor',
    schema: object('what this host can do', {
      isUsable: flag('whether RDMA verbs can be used'),
      'koffi?': text('version of koffi; missing if the libraries cannot be loaded'),
      devices: list(
        object('a verbs device', {
          name: text('its name'),
          firmware: text('version of its firmware'),
          maxQueuePairs: count('queue pairs that it takes'),
          maxRegions: count('memory regions that it takes'),
          hasMemoryWindows: flag('whether keys can be given to one peer, and withdrawn'),
          ports: list(
            object('a port', {
              number: count('its number'),
              state: text('its state'),
              linkLayer: text('InfiniBand or Ethernet'),
              mtu: count('bytes that a packet carries'),
              maxMessage: count('bytes that a message may have'),
              gids: list(
                object('an address', {
                  index: count('its place'),
                  gid: text('as IPv6 is written'),
                  type: text('kind'),
                }),
                'its addresses',
              ),
            }),
            'its ports',
          ),
        }),
        'verbs devices',
      ),
      addresses: list(text('address'), 'addresses at which a service can listen'),
      'lockedMemory?': count('bytes that a process may lock; missing for any number'),
      findings: list(finding, 'what to change for RDMA'),
      'trials?': list(
        object('a trial', {
          address: text('address of the device'),
          connecting: number('in ms'),
          speed: number('in MiB/s'),
        }),
        'with --try: what each device does',
      ),
      programs: object('what this host can do for unmodified programs', {
        isUsable: flag('whether the library can be loaded'),
        library: orNull(text('path of the library; null if it is missing')),
        agent: orNull(text('socket of the agent; null if the options do not say')),
        answers: flag('whether the agent answers'),
        findings: list(finding, 'what to change for them'),
      }),
    }),
  },
  token: {
    usage: 'token',
    schema: object('where the token is', {
      source: oneOf(['open', 'program', 'environment', 'file'], '`open`: there is none'),
      'path?': text('the file'),
      'modified?': text('when the file was written, as ISO 8601 has it'),
    }),
  },
  env: {
    usage: 'env',
    schema: list(
      object('an option', {
        option: text('its name in programs'),
        variable: text('its variable'),
        value: {
          type: ['string', 'number', 'boolean', 'null'],
          description: 'null if there is none; Infinity is text',
        },
        origin: oneOf(['program', 'environment', 'default'], '`program` for a flag'),
        'error?': text('what is wrong with the value'),
      }),
      'every option',
    ),
  },
}

export function jsonSchema() {
  const commands = Object.fromEntries(
    Object.entries(COMMANDS).map(([name, { usage, schema, lines }]) => [
      name,
      { title: `dyad ${usage} --json${lines ? ', each line' : ''}`, ...schema },
    ]),
  )
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'What the command dyad prints with --json',
    $defs: { ...shared, ...commands },
  }
}

const HEAD = `# JSON

With \`--json\` each command prints one value in one line; \`watch\` prints one record a line. No
command prints the contents of files. Failures go to stderr, and into the exit code.
\`docs/json.schema.json\` has the same shapes as a JSON Schema, each under the name that its heading
is followed by.
`

/** The text of docs/json.md, without its note. */
export function jsonPage() {
  const parts = [HEAD, '## Commands\n']
  for (const [name, { usage, schema, lines }] of Object.entries(COMMANDS)) {
    const commands = usage.split(', ').map((each) => `\`dyad ${each} --json\``)
    parts.push(
      `### ${commands.join(' and ')}\n`,
      `Definition \`${name}\`${lines ? ', one a line' : ''}: ${kindOf(schema)}.\n`,
    )
    const members = membersOf(schema)
    if (members !== '') parts.push(members)
  }
  parts.push('## Shared shapes\n')
  for (const [name, schema] of Object.entries(shared))
    parts.push(`### ${name}\n`, `${sentence(schema.description)}\n`, membersOf(schema))
  return parts.join('\n')
}

function sentence(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}.`
}

function kindOf(schema) {
  if (schema.$ref !== undefined) return `a [${nameIn(schema)}](#${nameIn(schema).toLowerCase()})`
  if (schema.type === 'array') return `an array, ${schema.description}: ${kindOf(schema.items)} each`
  if (schema.type === 'object') return `an object, ${schema.description}`
  if (schema.anyOf !== undefined) return `either ${schema.anyOf.map(kindOf).join(', or ')}`
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ')
  if (schema.type === undefined) return 'any value'
  return Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type
}

function nameIn({ $ref }) {
  return $ref.slice('#/$defs/'.length)
}

/** A table of all members, those of objects within as paths. */
function membersOf(schema) {
  const rows = rowsOf(schema, '')
  if (rows.length === 0) return ''
  return [
    '| member | value | meaning |',
    '| --- | --- | --- |',
    ...rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
    '',
  ].join('\n')
}

function rowsOf(schema, prefix) {
  if (schema.type === 'array') return schema.items.type === 'object' ? rowsOf(schema.items, `${prefix}[].`) : []
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((each) => rowsOf(each, prefix))
  if (schema.type !== 'object') return []
  return Object.entries(schema.properties).flatMap(([name, member]) => {
    const isOptional = !schema.required.includes(name)
    const path = `${prefix}${name}`
    const row = [`\`${path}\`${isOptional ? ', optional' : ''}`, kindIn(member), member.description ?? '']
    const inner = member.type === 'array' ? rowsOf(member, path) : rowsOf(member, `${path}.`)
    return [row, ...inner]
  })
}

function kindIn(schema) {
  if (schema.type === 'array') return `array of ${schema.items.type === 'object' ? 'objects' : kindIn(schema.items)}`
  if (schema.type === 'object' || schema.anyOf !== undefined) return 'object'
  return kindOf(schema).replace(/^an? /, '')
}
