#include "probe.h"

void produce(const char *path) { make_file(path); }

void consume(const char *path) {
  CHECK("euidaccess", euidaccess(path, R_OK) == 0);
  show_file(path);
}
