// The peer of the conformance suite, with a client of the broker named in the arguments.
import { serveKvsPeer } from '@dyad/core/conformance'
import { brokerKvs } from '@dyad/kvs-client'

serveKvsPeer(() => brokerKvs({ url: process.argv[2] }))
