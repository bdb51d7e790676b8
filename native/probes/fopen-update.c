#include "probe.h"

void produce(const char *path) {
  FILE *file = fopen(path, "w+e");
  CHECK("fopen-update", file != NULL);
  CHECK("fputs", fputs(text_of(path), file) >= 0);
  CHECK("fclose", fclose(file) == 0);
}

void consume(const char *path) {
  FILE *file = fopen(path, "r+");
  CHECK("fopen-update", file != NULL);
  int byte;
  while ((byte = getc(file)) != EOF) putchar(byte);
  CHECK("fclose", fclose(file) == 0);
}
