#include "probe.h"
/* Written through a mapping that moves. */
void produce(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT, 0644);
  CHECK("open", fd >= 0);
  const char *text = text_of(path);
  size_t length = strlen(text);
  CHECK("ftruncate", ftruncate(fd, (off_t)length) == 0);
  char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK("mmap", memory != MAP_FAILED);
  CHECK("close", close(fd) == 0);
  char *moved = mremap(memory, 4096, 65536, MREMAP_MAYMOVE);
  CHECK("mremap", moved != MAP_FAILED);
  memcpy(moved, text, length);
  CHECK("munmap", munmap(moved, 65536) == 0);
}

void consume(const char *path) { show_file(path); }
