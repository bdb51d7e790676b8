#include "probe.h"

void produce(const char *path) {
  FILE *file = fdopen(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), "w");
  CHECK("fdopen", file != NULL);
  CHECK("fputs", fputs(text_of(path), file) >= 0);
  CHECK("fclose", fclose(file) == 0);
}

void consume(const char *path) {
  FILE *file = fdopen(open(path, O_RDONLY), "r");
  CHECK("fdopen", file != NULL);
  int byte;
  while ((byte = getc(file)) != EOF) putchar(byte);
  CHECK("fclose", fclose(file) == 0);
}
