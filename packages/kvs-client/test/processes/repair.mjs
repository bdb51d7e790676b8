// Repairs a directory, after it has announced the start.
import { repairLog } from '@dyad-ts/kvs-client'

process.send('begins')
await repairLog(process.argv[2])
process.disconnect()
