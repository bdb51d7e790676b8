import { errorText, rangeOf, type SourceFile } from '@dyad/core'
import { errorReply, OPENED_BYTES, type TcpRequest, VERIFIED_BYTES, writeOpened, writeVerified } from './frames.js'
import { DATA_AT, type SendBuffer, type SendBuffers } from './send-buffers.js'
import type { Served } from './server.js'

/** Where a reply goes. */
export interface Outlet {
  /** Resolves when the operating system has taken the bytes, or never will. */
  send(bytes: Uint8Array): Promise<void>
  /** Fires when nobody wants the reply any more. */
  readonly signal: AbortSignal
}

/** A buffer, and when it may be filled again. */
interface Lane {
  readonly buffer: SendBuffer
  sent: Promise<void>
}

/** Reads ahead of the socket by one buffer. */
const LANES = 2

/** Answers a request. Tells whether the reply is whole, so that another may follow; never rejects. */
export async function sendFile(request: TcpRequest, served: Served, outlet: Outlet): Promise<boolean> {
  const { signal } = outlet
  let file: SourceFile | undefined
  let failure: unknown
  try {
    await served.files.acquire(signal)
  } catch {
    return false
  }
  try {
    const { start, end } = rangeOf(request)
    file = await served.source.open(request)
    signal.throwIfAborted()
    return await sendRange(file, start, end, served.buffers, outlet)
  } catch (error) {
    failure = error
  } finally {
    await file?.close()
    served.files.release()
  }
  // Nothing of the reply has been sent.
  void outlet.send(errorReply(errorText(failure)))
  return true
}

/** Sends the bytes and what goes around them. Rejects only while nothing has been sent. */
async function sendRange(
  file: SourceFile,
  start: number,
  end: number,
  buffers: SendBuffers,
  outlet: Outlet,
): Promise<boolean> {
  const lanes: Lane[] = []
  let position = start
  try {
    for (let turn = 0; position < end || turn === 0; turn++) {
      let lane = lanes[turn % LANES]
      if (lane === undefined) {
        lane = { buffer: buffers.take(end - position), sent: Promise.resolve() }
        lanes.push(lane)
      }
      await lane.sent
      outlet.signal.throwIfAborted()
      const { bytes, room } = lane.buffer
      const length = Math.min(room, end - position)
      const dataEnd = DATA_AT + length
      if (length > 0) await file.read(bytes.subarray(DATA_AT, dataEnd), position)
      outlet.signal.throwIfAborted()
      const isFirst = position === start
      const isLast = position + length === end
      let trailer: Buffer | undefined
      if (isLast) {
        try {
          await file.verify()
          writeVerified(bytes, dataEnd)
        } catch (error) {
          if (isFirst) throw error
          trailer = errorReply(errorText(error))
        }
      }
      if (isFirst) writeOpened(bytes, DATA_AT, end - start)
      const from = isFirst ? DATA_AT - OPENED_BYTES : DATA_AT
      const to = isLast && trailer === undefined ? dataEnd + VERIFIED_BYTES : dataEnd
      lane.sent = outlet.send(bytes.subarray(from, to))
      if (trailer !== undefined) void outlet.send(trailer)
      position += length
      if (length === 0) break
    }
    return true
  } catch (error) {
    if (position === start) throw error
    // So many bytes were announced that the error cannot be told here.
    return false
  } finally {
    await Promise.all(lanes.map(({ sent }) => sent))
    for (const { buffer } of lanes) buffers.give(buffer)
  }
}
