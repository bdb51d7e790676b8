// Serves a directory as another user and says at which address. Arguments: the user's id, its
// directory for state, the directory.
import { writeFileSync } from 'node:fs'
import { ManagedSource } from '@dyad-ts/core'
import { localTransport } from '@dyad-ts/transport'

const [uid = '', stateDir = '', storage = '', forged = ''] = process.argv.slice(2)
process.setgroups?.([])
process.setgid?.(Number(uid))
process.setuid?.(Number(uid))

function tryForging(): string {
  try {
    writeFileSync(forged, 'a marker of my own')
    return 'forged'
  } catch (error) {
    return (error as { code: string }).code
  }
}

const server = await localTransport({ stateDir }).serve(await ManagedSource.open([storage]))
process.send?.({ address: server.address, forging: forged === '' ? undefined : tryForging() })
