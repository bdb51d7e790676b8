//! The variables that the agent reads: the others stay here, however many there are.

/// The names of all options of sessions.
const READ: [&[u8]; 39] = [
    b"DYAD_KVS_NAMESPACE",
    b"DYAD_KVS",
    b"DYAD_NODE",
    b"DYAD_PATH_PRODUCER",
    b"DYAD_PATH_CONSUMER",
    b"DYAD_PATH_RELATIVE",
    b"DYAD_DTL_MODE",
    b"DYAD_RDMA_BUSY_POLL",
    b"DYAD_SHARED_STORAGE",
    b"DYAD_ASYNC_PUBLISH",
    b"DYAD_INLINE_LIMIT",
    b"DYAD_DIGEST_ALL",
    b"DYAD_READ_AHEAD",
    b"DYAD_READ_AHEAD_BYTES",
    b"DYAD_SERVE_COPIES",
    b"DYAD_FSYNC_WRITE",
    b"DYAD_KEY_DEPTH",
    b"DYAD_KEY_BINS",
    b"DYAD_TIMEOUT",
    b"DYAD_OWNER_TIMEOUT",
    b"DYAD_PROGRESS_TIMEOUT",
    b"DYAD_LEAST_RATE",
    b"DYAD_KVS_TIMEOUT",
    b"DYAD_TOKEN",
    b"DYAD_TOKEN_FILE",
    b"DYAD_OPEN",
    b"DYAD_TLS_CA",
    b"DYAD_TLS_CERT",
    b"DYAD_TLS_KEY",
    b"DYAD_HOST",
    b"DYAD_ADVERTISE",
    b"DYAD_LEASE_TTL",
    b"DYAD_LOG_LEVEL",
    b"DYAD_STATE_DIR",
    b"DYAD_SYNC_DEBUG",
    b"DYAD_SYNC_CHECK",
    b"DYAD_SERVICE_MUX",
    b"DYAD_REINIT",
    b"DYAD_MARGO_PROTO",
];

/// Those that clients alone read.
const OF_CLIENTS: [&[u8]; 6] = [
    b"DYAD_AGENT",
    b"DYAD_AGENT_MISSING",
    b"DYAD_STAT",
    b"DYAD_STAT_WAIT",
    b"DYAD_NO_WAIT",
    b"DYAD_RUN",
];

/// Those that are paths; in HELLO they are absolute.
const PATHS: [&[u8]; 8] = [
    b"DYAD_AGENT",
    b"DYAD_PATH_PRODUCER",
    b"DYAD_PATH_CONSUMER",
    b"DYAD_STATE_DIR",
    b"DYAD_TOKEN_FILE",
    b"DYAD_TLS_CA",
    b"DYAD_TLS_CERT",
    b"DYAD_TLS_KEY",
];

/// Whether the agent reads the variable.
pub(crate) fn is_read(name: &[u8]) -> bool {
    READ.contains(&name)
}

/// Whether clients read it for themselves.
pub(crate) fn is_of_clients(name: &[u8]) -> bool {
    OF_CLIENTS.contains(&name)
}

/// Whether its value is a path.
pub(crate) fn is_path(name: &[u8]) -> bool {
    PATHS.contains(&name)
}
