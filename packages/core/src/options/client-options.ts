/** One row of the table of what the clients of the agent read. */
export interface ClientOptionRow {
  /** The environment variable, the only way to give it. */
  readonly env: string
  /** What is accepted, for people. */
  readonly accepts: string
  /** The default, for people. */
  readonly defaultText: string
  readonly doc: string
}

/** Endings of names that nothing waits for, unless DYAD_NO_WAIT has others. */
export const NO_WAIT = '-journal:-wal:-shm:.lock:.lck:.swp:.tmp:.pyc:~'

/** Programs whose stat waits, unless DYAD_STAT_WAIT has others. */
export const STAT_WAIT = 'cp:mv:install:tar:rsync:gzip:bzip2:xz:zstd:zip:unzip:scp:diff'

/**
 * What the clients of the agent read: the preload library and `@dyad-ts/dyad/register`. Sessions do
 * not have these options. `docs/configuration.md` is generated from this table.
 */
export const CLIENT_OPTIONS: readonly ClientOptionRow[] = [
  {
    env: 'DYAD_AGENT',
    accepts: 'the path of a Unix socket',
    defaultText: 'that of the agent in the service of DYAD_NODE, below DYAD_STATE_DIR',
    doc: 'Where the agent listens.',
  },
  {
    env: 'DYAD_AGENT_MISSING',
    accepts: 'fail, pass',
    defaultText: '`fail`',
    doc: 'What happens to managed files while no agent can be reached. With fail, opens for reading and closes of what was written fail with ENOTCONN; with pass, they are files like others, and the program gets one warning.',
  },
  {
    env: 'DYAD_STAT',
    accepts: 'fetch, wait, record, plain',
    defaultText: '`fetch`',
    doc: 'What stat and access of a file in the consumer-managed directory do that is not here. fetch: they bring it here if it is published, and fail with ENOENT at once if it is not; wait: they wait until it is published, and bring it; record: they wait for its record and answer from that; plain: they fail with ENOENT.',
  },
  {
    env: 'DYAD_STAT_WAIT',
    accepts: 'names of programs, `:` between them',
    defaultText: `\`${STAT_WAIT}\``,
    doc: 'Programs that look at a file before they open it: with DYAD_STAT=fetch their stat and access wait.',
  },
  {
    env: 'DYAD_NO_WAIT',
    accepts: 'endings of names, `:` between them',
    defaultText: `\`${NO_WAIT}\``,
    doc: 'Files with names that end so are not waited for: programs look whether they exist.',
  },
  {
    env: 'DYAD_RUN',
    accepts: 'a text',
    defaultText: 'none',
    doc: 'The run that `dyad run` tells of. It sets this itself.',
  },
]
