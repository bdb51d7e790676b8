import { rangeOf, type SourceFile } from '@dyad-ts/core'
import { errorText, type Place, type PlaceHolder, withDescriptors } from '@dyad-ts/core/internal'
import { errorReply, OPENED_BYTES, type TcpRequest, VERIFIED_BYTES, writeOpened, writeVerified } from './frames.js'
import { DATA_AT, type SendBuffer, type SendBuffers } from './send-buffers.js'
import type { Served } from './served.js'

/** The connection that a reply goes to. */
export interface Outlet extends PlaceHolder {
  /** Resolves once the operating system has taken the bytes, or never will. */
  send(bytes: Uint8Array): Promise<void>
}

/** A buffer. It may be filled again once `sent` has resolved, or at once if that is undefined. */
interface Lane {
  readonly buffer: SendBuffer
  sent: Promise<void> | undefined
}

/** Number of lanes: the owner reads ahead of the socket by one buffer. */
const LANES = 2

/**
 * Answers a request. Returns true if the reply is whole, so that another may follow. Never rejects.
 */
export async function sendFile(request: TcpRequest, served: Served, outlet: Outlet): Promise<boolean> {
  let place: Place
  try {
    place = await served.places.take(outlet)
  } catch {
    return false
  }
  const lanes: Lane[] = []
  let isWhole = true
  try {
    isWhole = await readAndSend(request, served, place, lanes, outlet)
  } catch (error) {
    // No byte of the reply has been sent.
    void outlet.send(errorReply(errorText(error)))
  }
  const sending = lanes.flatMap(({ sent }) => sent ?? [])
  // The file is closed by now. The bytes that the reader has not taken are in the buffers.
  if (sending.length > 0) await place.rest(Promise.all(sending))
  place.leave()
  for (const { buffer } of lanes) served.buffers.give(buffer)
  return isWhole
}

/**
 * Opens the file, and sends the range of the request. Rejects only before it has sent a byte.
 */
async function readAndSend(
  request: TcpRequest,
  { source, buffers }: Served,
  place: Place,
  lanes: Lane[],
  outlet: Outlet,
): Promise<boolean> {
  let file: SourceFile | undefined
  try {
    const { start, end } = rangeOf(request)
    file = await withDescriptors(() => source.open(request), outlet.signal)
    outlet.signal.throwIfAborted()
    return await sendRange(file, start, end, { buffers, place, lanes, outlet })
  } finally {
    await file?.close()
  }
}

/** The parts of {@link sendRange} beside the file. */
interface Sending {
  readonly buffers: SendBuffers
  readonly place: Place
  /** Filled by `sendRange`. The caller gives the buffers back once all is sent. */
  readonly lanes: Lane[]
  readonly outlet: Outlet
}

/** Sends the bytes, with the head and the end of the reply. Rejects only before the first byte. */
async function sendRange(
  file: SourceFile,
  start: number,
  end: number,
  { buffers, place, lanes, outlet }: Sending,
): Promise<boolean> {
  let position = start
  try {
    for (let turn = 0; position < end || turn === 0; turn++) {
      let lane = lanes[turn % LANES]
      if (lane === undefined) {
        lane = { buffer: buffers.take(end - position), sent: undefined }
        lanes.push(lane)
      }
      if (lane.sent !== undefined) await place.restAndResume(lane.sent)
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
      send(lane, bytes.subarray(from, to), outlet)
      if (trailer !== undefined) void outlet.send(trailer)
      position += length
      if (length === 0) break
    }
    return true
  } catch (error) {
    if (position === start) throw error
    // The reader expects bytes of the file here, so the error has no place.
    return false
  }
}

function send(lane: Lane, bytes: Uint8Array, outlet: Outlet): void {
  const sent = outlet.send(bytes).then(() => {
    if (lane.sent === sent) lane.sent = undefined
  })
  lane.sent = sent
}
