import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Teardown } from '../../../test/harness/teardown.js'

const KINDS = ['', 'hello', 'consume', 'look', 'produce', 'change', 'remove', 'move', 'report', 'own']
const MOVE = 7
const HELLO = 1

/** Relays between programs and their agent, and records the requests: kind, flag and names. */
export class AgentRelay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #asked: string[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(t: Teardown, path: string, agent: string): Promise<AgentRelay> {
    const server = createServer()
    const relay = new AgentRelay(server)
    server.on('connection', (program: Socket) => relay.#relay(program, connect(agent)))
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
    t.teardown(() => {
      for (const socket of relay.#sockets) socket.destroy()
      relay.#server.close()
    })
    return relay
  }

  /** Returns the requests since the last call, without HELLO. */
  take(): string[] {
    const asked = this.#asked
    this.#asked = []
    return asked
  }

  #relay(program: Socket, agent: Socket): void {
    let rest = Buffer.alloc(0)
    program.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes])
      for (;;) {
        const length = rest.length < 4 ? Number.POSITIVE_INFINITY : 4 + rest.readUInt32LE()
        if (rest.length < length) break
        this.#note(rest.subarray(4, length))
        rest = rest.subarray(length)
      }
      agent.write(bytes)
    })
    agent.on('data', (bytes: Buffer) => program.write(bytes))
    for (const [one, other] of [[program, agent] as const, [agent, program] as const]) {
      this.#sockets.add(one)
      one.on('error', () => {}).on('close', () => other.destroy())
    }
  }

  #note(frame: Buffer): void {
    const kind = frame.readUInt8(0)
    if (kind === HELLO) return
    const first = text(frame, 6)
    const names = kind === MOVE ? `${first.value} ${text(frame, first.end).value}` : first.value
    this.#asked.push(`${KINDS[kind]}${frame.readUInt8(5) === 0 ? '' : '!'} ${names}`)
  }
}

function text(frame: Buffer, at: number): { value: string; end: number } {
  const end = at + 2 + frame.readUInt16LE(at)
  return { value: frame.toString('utf8', at + 2, end), end }
}
