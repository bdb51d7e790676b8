/* A library for LD_PRELOAD that does nothing. */
