//! The addon of `@dyad-ts/dyad/register`: asks the agent in the calling thread, which waits for the
//! answer, and tells what node:fs does not.

mod agent;
mod answer;
mod aside;
mod writer;
