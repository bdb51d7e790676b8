import { rangeOf, type SourceFile } from '@dyad-ts/core'
import { errorText, type Place, type PlaceHolder, withDescriptors } from '@dyad-ts/core/internal'
import { errorReply, OPENED_BYTES, type TcpRequest, VERIFIED_BYTES, writeOpened, writeVerified } from './frames.js'
import { DATA_AT, type SendBuffer, type SendBuffers } from './send-buffers.js'
import type { Served } from './served.js'

/** Where a reply goes. */
export interface Outlet extends PlaceHolder {
  /** Resolves when the operating system has taken the bytes, or never will. */
  send(bytes: Uint8Array): Promise<void>
}

/** A buffer, and when it may be filled again: at once if `sent` is undefined. */
interface Lane {
  readonly buffer: SendBuffer
  sent: Promise<void> | undefined
}

/** Reads ahead of the socket by one buffer. */
const LANES = 2

/**
 * Answers a request. Tells whether the reply is whole, so that another may follow; never rejects.
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
    // Nothing of the reply has been sent.
    void outlet.send(errorReply(errorText(error)))
  }
  const sending = lanes.flatMap(({ sent }) => sent ?? [])
  // The file is closed by now: what the reader still has to take is in the buffers.
  if (sending.length > 0) await place.rest(Promise.all(sending))
  place.leave()
  for (const { buffer } of lanes) served.buffers.give(buffer)
  return isWhole
}

/**
 * Opens the file and sends the range that the request wants. Rejects only before anything was sent.
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

/** What sending takes beside the file. */
interface Sending {
  readonly buffers: SendBuffers
  readonly place: Place
  /** Filled as it goes on; the caller gives the buffers back once all is sent. */
  readonly lanes: Lane[]
  readonly outlet: Outlet
}

/** Sends the bytes and what goes around them. Rejects only while nothing has been sent. */
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
    // So many bytes were announced that the error cannot be told here.
    return false
  }
}

function send(lane: Lane, bytes: Uint8Array, outlet: Outlet): void {
  const sent = outlet.send(bytes).then(() => {
    if (lane.sent === sent) lane.sent = undefined
  })
  lane.sent = sent
}
