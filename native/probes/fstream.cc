#include "probe.h"
#include <fstream>
#include <iostream>

void produce(const char *path) {
  std::ofstream file(path, std::ios::binary);
  file << text_of(path);
  file.close();
  CHECK("ofstream", file.good());
}

void consume(const char *path) {
  std::ifstream file(path);
  CHECK("ifstream", file.is_open());
  std::cout << file.rdbuf();
}
