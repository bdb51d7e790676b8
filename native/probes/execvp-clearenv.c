#include "probe.h"
/* Another program inherits the descriptor, after this one has emptied its environment. */
void produce(const char *path) {
  CHECK("close", close(1) == 0);
  CHECK("open", open(path, O_WRONLY | O_CREAT, 0644) == 1);
  char *arguments[] = {"printf", "%s", (char *)text_of(path), NULL};
  CHECK("clearenv", clearenv() == 0 && setenv("LD_PRELOAD", "libc.so.6", 1) == 0);
  execvp("printf", arguments);
  fail("execvp");
}

void consume(const char *path) { show_file(path); }
