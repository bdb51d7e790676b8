import { Buffer } from 'node:buffer'
import { makeNonce, proofOf } from '@dyad-ts/wire'
import { audienceOf } from '../../src/transport/address.js'
import { fabricAddresses } from '../../src/transport/fabric.js'
import { helloOf, proofFrame, readHello, readMessage, readWelcome, welcomeOf } from '../../src/transport/frames.js'
import { type CmId, EventChannel } from '../../src/verbs/connection-manager.js'
import { ACCESS } from '../../src/verbs/constants.js'
import { loadVerbs } from '../../src/verbs/library.js'
import { nextEvent } from '../../src/verbs/loopback.js'
import { FabricEnd } from './fabric-pair.js'
import type { Teardown } from './peer-process.js'

/**
 * Most bytes of one send of a link, with its head: whether the message goes on, and the number of
 * receives posted anew.
 */
const PART_BYTES = 1024
const HEAD = Buffer.from([0, 0])
/** Where sent bytes are, behind received ones. */
const SENT_AT = 64 * 1024

/**
 * One end of a connection of the transport that uses nothing but the binding, and sends any bytes.
 */
export class RawPeer {
  readonly end: FabricEnd
  /** Resolves once the other side has ended the connection. */
  readonly ended: Promise<void>
  readonly #messages: Buffer[] = []
  #heard: (() => void) | undefined

  constructor(id: CmId) {
    this.end = new FabricEnd(id, ACCESS.localWrite | ACCESS.mwBind, PART_BYTES)
    this.end.onMessage = (bytes) => {
      // A send that only announces receives is no message.
      if (bytes[0] === 2) return
      this.#messages.push(bytes.subarray(HEAD.length))
      this.#heard?.()
    }
    this.ended = new Promise((resolve) => {
      this.end.onBroken = resolve
    })
  }

  /** Resolves with the next message. Those of the tests are short. */
  async message(): Promise<Buffer> {
    for (;;) {
      const message = this.#messages.shift()
      if (message !== undefined) return message
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  /** Sends one part of a message, whole by default. Resolves with the status. */
  send(message: Buffer, head = HEAD): Promise<number> {
    head.copy(this.end.memory, SENT_AT)
    message.copy(this.end.memory, SENT_AT + head.length)
    return this.end.post({ op: 'send', from: this.end.span(SENT_AT, head.length + message.length) })
  }

  /** Writes bytes into memory of the other side. Resolves with the status. */
  write(bytes: Buffer, to: { readonly address: number; readonly rkey: number }, immediate?: number): Promise<number> {
    bytes.copy(this.end.memory, SENT_AT)
    return this.end.post({ op: 'write', from: this.end.span(SENT_AT, bytes.length), to, immediate })
  }
}

/** Connects to a server of the transport, and proves that it knows the token. */
export async function connectRaw(t: Teardown, address: string, token = 'secret'): Promise<RawPeer> {
  const clientNonce = makeNonce()
  const [end] = JSON.parse(address).ends
  const { peer, said } = await greetRaw(t, address, helloOf(clientNonce))
  const serverNonce = readWelcome(said)?.nonce ?? Buffer.alloc(0)
  const handshake = { token, audience: audienceOf(end), clientNonce, serverNonce }
  await peer.send(proofFrame(proofOf('client', handshake)))
  return peer
}

/**
 * Connects to a server of the transport with `hello`. Resolves with the answer. Rejects with the
 * event of a rejection.
 */
export async function greetRaw(t: Teardown, address: string, hello: Buffer): Promise<{ peer: RawPeer; said: Buffer }> {
  const [{ host, port }] = JSON.parse(address).ends
  const channel = new EventChannel(loadVerbs())
  const id = channel.createId()
  await nextEvent(id, 'ADDR_RESOLVED', () => id.resolveAddress(host, port, 2000))
  await nextEvent(id, 'ROUTE_RESOLVED', () => id.resolveRoute(2000))
  const peer = new RawPeer(id)
  t.teardown(() => {
    peer.end[Symbol.dispose]()
    channel[Symbol.dispose]()
  })
  const { privateData } = await nextEvent(id, 'ESTABLISHED', () => id.connect(hello))
  id.onEvent = ({ name }) => name === 'DISCONNECTED' && peer.end.onBroken()
  return { peer, said: privateData }
}

/** Listens as an owner does. */
export class RawOwner {
  readonly address: string
  readonly #listener: CmId

  constructor(t: Teardown) {
    const verbs = loadVerbs()
    const channel = new EventChannel(verbs)
    const [host = ''] = fabricAddresses(verbs)
    this.#listener = channel.createId()
    this.#listener.bind(host, 0)
    this.#listener.listen(4)
    this.address = JSON.stringify({ v: 1, ends: [{ host, port: this.#listener.port }] })
    t.teardown(() => {
      this.#listener.destroy()
      channel[Symbol.dispose]()
    })
  }

  /**
   * Resolves with the next connection once both ends have proved themselves, or with `welcome` once
   * it is sent. The caller closes the connection before the owner.
   */
  async connection(welcome?: Buffer): Promise<RawPeer> {
    const { request, privateData } = await nextEvent(this.#listener, 'CONNECT_REQUEST', () => {})
    const id = request as CmId
    const peer = new RawPeer(id)
    const [end] = JSON.parse(this.address).ends
    const [clientNonce, serverNonce] = [readHello(privateData) ?? Buffer.alloc(0), makeNonce()]
    const handshake = { token: 'secret', audience: audienceOf(end), clientNonce, serverNonce }
    const proper = welcomeOf(serverNonce, proofOf('server', handshake))
    await nextEvent(id, 'ESTABLISHED', () => id.accept(welcome ?? proper))
    id.onEvent = ({ name }) => name === 'DISCONNECTED' && peer.end.onBroken()
    if (welcome === undefined) readMessage(await peer.message())
    return peer
  }
}
