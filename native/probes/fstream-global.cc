/* A stream that is closed by the destructor of a global object. */
#include "probe.h"
#include <fstream>
#include <sstream>

static std::ofstream file;

void produce(const char *path) {
  file.open(path);
  file << text_of(path);
}

void consume(const char *path) {
  std::fstream file(path, std::ios::in | std::ios::out);
  CHECK("fstream", file.is_open());
  std::stringstream text;
  text << file.rdbuf();
  write(1, text.str().data(), text.str().size());
}
