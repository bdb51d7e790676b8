/* The handler of a signal opens, reads, writes and closes. */
#include "probe.h"

static const char *file;
static volatile sig_atomic_t done;

static void on_produce(int number) {
  make_file(file);
  done = 1;
}

static void on_consume(int number) {
  show_file(file);
  done = 1;
}

static void handle(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  CHECK("sigaction", sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK("the handler", done);
}

void produce(const char *path) {
  file = path;
  handle(on_produce);
}

void consume(const char *path) {
  file = path;
  handle(on_consume);
}
